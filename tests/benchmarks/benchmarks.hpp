#pragma once

namespace remed::benchmarks {

void messages();
void clusters();
void experiments();
/// A SUITE (hard) on a SYSTEM (train-ticket) with real tools, as `remed bench` runs it. Not among
/// those that run without a name.
void suite();
/// Not among those that run without a name: it takes minutes.
void in_flight();

} // namespace remed::benchmarks

#pragma once

namespace remed::benchmarks {

void messages();
void clusters();
void experiments();
/// Not among those that run without a name: it takes minutes.
void in_flight();

} // namespace remed::benchmarks

#pragma once

namespace remed::benchmarks {

void messages();
void clusters();
void experiments();

} // namespace remed::benchmarks

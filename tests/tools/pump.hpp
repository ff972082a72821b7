// Runs a loop until something is true, for at most a few seconds.
#pragma once

#include "tools/io_loop.hpp"

#include <chrono>

namespace remed::test {

/// Whether `done()` became true within `limit`.
template <class Condition>
bool pump(tools::io_loop& loop, Condition done,
          std::chrono::milliseconds limit = std::chrono::seconds{10}) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    loop.run_for(std::chrono::milliseconds{20});
  }
  return true;
}

} // namespace remed::test

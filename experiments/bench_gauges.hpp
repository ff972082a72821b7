// What a bench shows of itself while it runs. Written by its threads, read by anybody.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace remed::experiments {

struct bench_gauges {
  std::atomic<std::size_t> in_flight{0}; ///< worlds that were started and have not ended
  std::atomic<std::size_t> peak{0};      ///< most of them at once
  /// The longest that a world with something to handle had to wait for its turn. Microseconds.
  std::atomic<std::int64_t> longest_wait_us{0};

  void started() { raise(peak, ++in_flight); }
  void ended() { --in_flight; }
  void waited(std::chrono::steady_clock::duration d) {
    raise(longest_wait_us, std::chrono::duration_cast<std::chrono::microseconds>(d).count());
  }

private:
  template <class T>
  static void raise(std::atomic<T>& most, T value) {
    for (auto known = most.load(); known < value && !most.compare_exchange_weak(known, value);) {
    }
  }
};

} // namespace remed::experiments

// How many child processes the machine runs at once, for all worker threads together: first come,
// first served. Safe to use from any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

namespace remed::agents {

class process_gate {
public:
  /// Called once, on the thread of whoever gives a slot back. Returns whether it takes the slot,
  /// which is then its own to give back; false: the next in line is asked.
  using grant = std::function<bool()>;

  /// `most` ≥ 1 children at once.
  explicit process_gate(int most) : free_(most < 1 ? 1 : most), most_(most < 1 ? 1 : most) {}

  /// Whether a slot was free, and is the caller's now; otherwise the caller stands in line and
  /// `when_free` is called when it is its turn.
  bool take(grant when_free);
  void give_back();

  std::size_t waiting() const;
  std::size_t busy() const;
  int most() const { return most_; }

private:
  mutable std::mutex lock_;
  std::deque<grant> line_;
  int free_;
  const int most_;
};

} // namespace remed::agents

// How many child processes the machine runs at once, for all worker threads together: first come,
// first served. Safe to use from any thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace remed::agents {

/// Whoever waits for a cluster needs no core: beyond one child per core more are let in, while the
/// machine has nothing to do.
class process_gate {
public:
  /// Called once, on the thread of whoever gives a slot back or looks. Returns whether it takes the
  /// slot, which is then its own to give back; false: the next in line is asked.
  using grant = std::function<bool()>;
  /// Cores without work since it was last asked; none when that is too short ago to tell.
  using idle_cores = std::function<std::optional<double>()>;

  /// `most` ≥ 1 children at once.
  explicit process_gate(int most) : process_gate(most, most, {}) {}
  /// Always `cores` ≥ 1 children; up to `most` as long as `idle` finds cores without work.
  process_gate(int cores, int most, idle_cores idle);

  /// Whether a slot was free, and is the caller's now; otherwise the caller stands in line and
  /// `when_free` is called when it is its turn.
  bool take(grant when_free);
  void give_back();
  /// Has a look at the machine and lets in whom it has room for. To be called every few dozen
  /// milliseconds; costs little.
  void look();

  std::size_t waiting() const;
  std::size_t busy() const;
  int most() const { return most_; }

private:
  bool enter();
  void serve();

  mutable std::mutex lock_;
  std::deque<grant> line_;
  int busy_ = 0;
  const int cores_, most_;
  const idle_cores idle_;
  int spare_ = 0; ///< how many more the machine had room for when last looked at
};

/// The machine's idle cores by /proc/stat, over 20 to 200 ms each time.
process_gate::idle_cores idle_cores_of_this_machine();

} // namespace remed::agents

// Waiting for a cluster's clock on a thread's event loop.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "tools/io_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace remed::env {

/// Waits for a cluster's clock: until it has passed a point, at the latest after as much wall time
/// (a clock may stand still while nobody moves it). Dropping it forgets the waiter.
class virtual_wait {
public:
  virtual_wait(cluster& c, tools::io_loop& loop) : cluster_(c), loop_(loop) {}
  void until(duration from_now, std::function<void()> then);

private:
  void look();

  cluster& cluster_;
  tools::io_loop& loop_;
  vtime due_{};
  std::chrono::steady_clock::time_point latest_{};
  std::function<void()> then_;
  std::shared_ptr<void> timer_;
};

} // namespace remed::env

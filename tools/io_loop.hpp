// One thread's event loop: sockets, timers and child processes of all worlds that thread owns.
// Boost stays out of this header; only .cpp files of this room reach it through tools/net.hpp.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace remed::tools {

class io_loop {
public:
  io_loop();
  ~io_loop();
  io_loop(const io_loop&) = delete;
  io_loop& operator=(const io_loop&) = delete;

  /// Runs what is ready; never waits. Returns whether anything ran.
  bool poll();
  /// Waits up to `limit` (wall time) for something to become ready and runs it.
  bool run_for(std::chrono::milliseconds limit);
  /// Wakes the thread that is inside `run_for` and runs `task` there; callable from any thread.
  void post(std::function<void()> task);
  /// Runs `task` after `delay` (wall time) unless the returned handle is dropped or reset first.
  std::shared_ptr<void> after(std::chrono::milliseconds delay, std::function<void()> task);

  /// The `boost::asio::io_context` behind it; for this room's .cpp files.
  struct native;
  native& impl() { return *native_; }

private:
  std::unique_ptr<native> native_;
};

} // namespace remed::tools

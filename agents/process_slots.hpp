// One worker thread's share of the gate for child processes: all its worlds stand in one line, and
// who is served is called on this thread. Single-threaded but for its gate.
#pragma once

#include "agents/process_gate.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace remed::agents {

class process_slots {
public:
  /// Has a task run on this thread later, never inside the call; callable from any thread. See
  /// io_loop::post.
  using post = std::function<void(std::function<void()>)>;

  process_slots(std::shared_ptr<process_gate> gate, post to_this_thread);
  ~process_slots();
  process_slots(const process_slots&) = delete;
  process_slots& operator=(const process_slots&) = delete;

  /// Dropping it gives the slot back.
  using ticket = std::shared_ptr<void>;
  /// Calls `start` with a slot: at once if one is free, else when it is this caller's turn.
  /// Dropping the returned handle before that leaves the line. Handle and tickets may outlive this
  /// object.
  std::shared_ptr<void> acquire(std::function<void(ticket)> start);

private:
  struct waiter {
    std::function<void(ticket)> start;
  };
  /// What other threads may touch.
  struct counter {
    std::mutex lock;
    process_slots* owner = nullptr; ///< none: this thread takes no more
    int granted = 0;                ///< slots that are ours and nobody uses yet
  };

  ticket make_ticket() const;
  static bool granted(const std::shared_ptr<counter>& mine);
  void serve();

  std::shared_ptr<process_gate> gate_;
  post post_;
  std::deque<std::weak_ptr<waiter>> line_;
  std::shared_ptr<counter> mine_ = std::make_shared<counter>();
};

} // namespace remed::agents

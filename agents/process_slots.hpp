// How many child processes one worker thread runs at once. All its worlds share one; who finds no
// free slot waits in line. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <memory>

namespace remed::agents {

class process_slots {
public:
  /// `most` ≥ 1 children at once.
  explicit process_slots(int most) : free_(most < 1 ? 1 : most) {}

  /// Dropping it gives the slot back.
  using ticket = std::shared_ptr<void>;
  /// Calls `start` with a slot: at once if one is free, else when it is this caller's turn.
  /// Dropping the returned handle before that leaves the line. Handle and tickets may outlive this
  /// object.
  std::shared_ptr<void> acquire(std::function<void(ticket)> start);
  /// Callers in line, those who left it included until their turn would come.
  std::size_t waiting() const { return line_.size(); }

private:
  struct waiter {
    std::function<void(ticket)> start;
  };

  ticket take();
  void give_back();

  int free_;
  std::deque<std::weak_ptr<waiter>> line_;
  std::shared_ptr<process_slots*> self_ = std::make_shared<process_slots*>(this);
};

} // namespace remed::agents

#include "agents/process_slots.hpp"

#include <utility>

namespace remed::agents {

process_slots::process_slots(std::shared_ptr<process_gate> gate, post to_this_thread)
    : gate_(std::move(gate)), post_(std::move(to_this_thread)) {
  mine_->owner = this;
}

process_slots::~process_slots() {
  int unused = 0;
  {
    std::lock_guard guard(mine_->lock);
    mine_->owner = nullptr;
    unused = std::exchange(mine_->granted, 0);
  }
  for (; unused > 0; --unused) gate_->give_back();
}

process_slots::ticket process_slots::make_ticket() const {
  return {gate_.get(), [gate = gate_](void*) { gate->give_back(); }};
}

bool process_slots::granted(const std::shared_ptr<counter>& mine) {
  std::lock_guard guard(mine->lock);
  if (mine->owner == nullptr) return false;
  ++mine->granted;
  // Under the lock, so that the owner's loop is still there; the task itself runs on its thread.
  mine->owner->post_([weak = std::weak_ptr(mine)] {
    const auto alive = weak.lock();
    if (alive && alive->owner != nullptr) alive->owner->serve();
  });
  return true;
}

void process_slots::serve() {
  for (;;) {
    {
      std::lock_guard guard(mine_->lock);
      if (mine_->granted == 0) return;
      --mine_->granted;
    }
    std::shared_ptr<waiter> next;
    while (!next && !line_.empty()) {
      next = line_.front().lock();
      line_.pop_front();
    }
    if (next)
      std::exchange(next->start, {})(make_ticket());
    else
      gate_->give_back();
  }
}

std::shared_ptr<void> process_slots::acquire(std::function<void(ticket)> start) {
  if (gate_->take([mine = mine_] { return granted(mine); })) {
    start(make_ticket());
    return nullptr;
  }
  auto me = std::make_shared<waiter>(waiter{std::move(start)});
  line_.push_back(me);
  return me;
}

} // namespace remed::agents

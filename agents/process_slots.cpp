#include "agents/process_slots.hpp"

#include <utility>

namespace remed::agents {

process_slots::ticket process_slots::take() {
  --free_;
  return {this, [weak = std::weak_ptr<process_slots*>(self_)](void*) {
            if (auto slots = weak.lock()) (*slots)->give_back();
          }};
}

void process_slots::give_back() {
  ++free_;
  while (free_ > 0 && !line_.empty()) {
    auto next = line_.front().lock();
    line_.pop_front();
    if (next) std::exchange(next->start, {})(take());
  }
}

std::shared_ptr<void> process_slots::acquire(std::function<void(ticket)> start) {
  if (free_ > 0) {
    start(take());
    return nullptr;
  }
  auto me = std::make_shared<waiter>(waiter{std::move(start)});
  line_.push_back(me);
  return me;
}

} // namespace remed::agents

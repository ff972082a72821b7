#include "agents/process_gate.hpp"

#include <utility>

namespace remed::agents {

bool process_gate::take(grant when_free) {
  std::lock_guard guard(lock_);
  if (free_ == 0) {
    line_.push_back(std::move(when_free));
    return false;
  }
  --free_;
  return true;
}

void process_gate::give_back() {
  for (;;) {
    grant next;
    {
      std::lock_guard guard(lock_);
      if (line_.empty()) {
        ++free_;
        return;
      }
      next = std::move(line_.front());
      line_.pop_front();
    }
    // Without the lock: whoever is asked may come back at once.
    if (next()) return;
  }
}

std::size_t process_gate::waiting() const {
  std::lock_guard guard(lock_);
  return line_.size();
}

std::size_t process_gate::busy() const {
  std::lock_guard guard(lock_);
  return static_cast<std::size_t>(most_ - free_);
}

} // namespace remed::agents

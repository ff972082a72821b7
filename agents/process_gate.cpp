#include "agents/process_gate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace remed::agents {

process_gate::process_gate(int cores, int most, idle_cores idle)
    : cores_(std::max(1, cores)), most_(std::max(cores_, most)), idle_(std::move(idle)) {}

bool process_gate::enter() {
  if (busy_ >= cores_) {
    if (busy_ >= most_ || spare_ == 0) return false;
    --spare_; // a child takes a while to be seen at work
  }
  ++busy_;
  return true;
}

bool process_gate::take(grant when_free) {
  std::lock_guard guard(lock_);
  if (line_.empty() && enter()) return true;
  line_.push_back(std::move(when_free));
  return false;
}

void process_gate::serve() {
  for (;;) {
    grant next;
    {
      std::lock_guard guard(lock_);
      if (line_.empty() || !enter()) return;
      next = std::move(line_.front());
      line_.pop_front();
    }
    // Without the lock: whoever is asked may come back at once.
    if (next()) continue;
    std::lock_guard guard(lock_);
    --busy_;
  }
}

void process_gate::give_back() {
  {
    std::lock_guard guard(lock_);
    --busy_;
  }
  serve();
}

void process_gate::look() {
  if (!idle_) return;
  {
    std::lock_guard guard(lock_);
    if (busy_ < cores_) {
      spare_ = 0;
      return;
    }
    const auto idle = idle_();
    if (!idle) return;
    spare_ = static_cast<int>(std::lround(*idle));
  }
  serve();
}

std::size_t process_gate::waiting() const {
  std::lock_guard guard(lock_);
  return line_.size();
}

std::size_t process_gate::busy() const {
  std::lock_guard guard(lock_);
  return static_cast<std::size_t>(busy_);
}

} // namespace remed::agents

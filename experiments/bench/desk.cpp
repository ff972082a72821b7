#include "experiments/bench/desk.hpp"

#include <utility>

namespace remed::experiments {

record never_ran(const experiment_spec& spec, outcome_kind kind, const std::string& why) {
  episode_result ended;
  ended.outcome = kind;
  ended.detail = why;
  return make_record(spec, ended);
}

desk::desk(const std::vector<experiment_spec>& specs, std::function<void(const record&)> done)
    : specs_(specs),
      done_(std::move(done)),
      states_(specs.size(), state::waiting),
      cancelled_(specs.size()) {
  counts_.planned = specs.size();
  for (const auto& spec : specs) {
    results_.push_back(never_ran(spec, outcome_kind::cancelled, "never started"));
  }
}

std::optional<std::size_t> desk::take() {
  std::lock_guard guard(lock_);
  refuse_until_startable();
  if (next_ >= specs_.size() || (hold_back && hold_back())) return std::nullopt;
  states_[next_] = state::running;
  ++counts_.running;
  return next_++;
}

void desk::refuse_until_startable() {
  for (; next_ < specs_.size(); ++next_) {
    std::optional<refusal> why;
    if (!cancelled_[next_].empty())
      why = refusal{outcome_kind::cancelled, cancelled_[next_]};
    else if (refuse)
      why = refuse(specs_[next_]);
    if (!why) return;
    settle(next_, never_ran(specs_[next_], why->outcome, why->why));
  }
}

bool desk::nothing_left() const {
  std::lock_guard guard(lock_);
  return next_ >= specs_.size();
}

void desk::settle(std::size_t i, record r) {
  const bool ran = states_[i] == state::running;
  if (ran) --counts_.running;
  states_[i] = state::done;
  ++counts_.done;
  counts_.recovered += r.outcome == outcome_kind::recovered;
  counts_.not_judged += !judged(r.outcome, r.detail);
  results_[i] = std::move(r);
  if (ran && done_) done_(results_[i]);
}

void desk::put(std::size_t i, record r) {
  std::lock_guard guard(lock_);
  settle(i, std::move(r));
}

std::optional<std::string> desk::ordered_to_end(std::size_t i) const {
  std::lock_guard guard(lock_);
  if (cancelled_[i].empty()) return std::nullopt;
  return cancelled_[i];
}

bool desk::cancel(const std::string& id, const std::string& why) {
  std::lock_guard guard(lock_);
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].id != id) continue;
    if (states_[i] != state::done && cancelled_[i].empty()) cancelled_[i] = why;
    ++orders_;
    return true;
  }
  return false;
}

void desk::cancel_all(const std::string& why, const std::string& suite) {
  std::lock_guard guard(lock_);
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const bool meant = suite.empty() || specs_[i].suite == suite;
    if (meant && states_[i] != state::done && cancelled_[i].empty()) cancelled_[i] = why;
  }
  ++orders_;
}

bench_counts desk::counts() const {
  std::lock_guard guard(lock_);
  return counts_;
}

std::vector<std::string> desk::running(std::size_t most) const {
  std::lock_guard guard(lock_);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < specs_.size() && out.size() < most; ++i) {
    if (states_[i] == state::running) out.push_back(specs_[i].id);
  }
  return out;
}

} // namespace remed::experiments

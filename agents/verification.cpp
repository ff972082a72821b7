#include "agents/verification.hpp"

#include "agents/execution.hpp"

namespace remed::agents {

verification::handle::behavior_type verification::behavior() {
  return {
      [this](const outcome& what) {
        examined_ = what;
        needs_.judge->begin(what, expect());
      },
      [this](const wake& w) {
        if (w.id == question_) needs_.judge->look(expect());
      },
  };
}

examiner::answer verification::expect() {
  return [this, number = ++question_, alive = std::weak_ptr<bool>(alive_)](examiner::next what) {
    if (!alive.expired() && number == question_) take(std::move(what));
  };
}

void verification::take(examiner::next what) {
  if (const auto* rest = std::get_if<examiner::pause>(&what)) {
    self_->delayed_send(self_, rest->wait, wake{examined_.at, question_});
    return;
  }
  ++question_;
  if (const auto* why = std::get_if<failure>(&what)) {
    self_->send(needs_.next, infra_failed{examined_.at, "verification", why->what});
    return;
  }
  auto v = std::get<verdict>(std::move(what));
  v.at = examined_.at;
  if (!v.recovered) {
    v.feedback = "What the playbook did: " + describe_outcome(examined_) +
                 "\nWhat the check found afterwards: " + v.feedback;
  }
  self_->send(needs_.next, std::move(v));
}

} // namespace remed::agents

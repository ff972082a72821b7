#include "runtime/supervisor.hpp"

#include "runtime/world.hpp"

#include <caf/exit_reason.hpp>

namespace remed {

supervisor::needs supervisor::over(world& w, budget& spent, const limits& most) {
  needs n;
  n.most = most;
  n.begin_trial = [&](std::uint32_t t) {
    w.set_trial(t);
    spent.begin_trial();
    return w.here();
  };
  n.token_holder = [&] { return w.token_holder(); };
  n.spent = [&] { return spent.spent(); };
  n.virtual_seconds = [&] { return seconds(w.elapsed()); };
  return n;
}

supervisor::supervisor(handle::pointer self, needs n) : self_(self), needs_(std::move(n)) {}

supervisor::handle::behavior_type supervisor::behavior() {
  return {
      [this](const trial&) {
        if (phase_ == phase::idle) next_trial({});
      },
      [this](const verdict& v) {
        if (!current(v.at)) return;
        result_.flags = v.flags;
        result_.score = v.score;
        result_.downtime_s = v.downtime_s;
        result_.restarts = v.restarts;
        result_.writes = v.writes;
        const bool final = v.recovered || v.status == outcome_kind::self_healed;
        if (final || at_.trial >= needs_.most.t_max) return finish(v.status, {});
        next_trial(v.feedback);
      },
      [this](const give_up& g) {
        if (current(g.at)) finish(outcome_kind::gave_up, g.reason);
      },
      [this](const trial_expired& e) {
        if (phase_ == phase::clearing && e.at.trial == 0) return report(false);
        if (!current(e.at)) return;
        lose_trial(outcome_kind::agent_failed, needs_.token_holder(),
                   "The trial ran out of time before its repair was verified.");
      },
      [this](const role_failed& f) {
        if (phase_ == phase::clearing && f.role == "injector") return report(false);
        if (!current(f.at)) return;
        lose_trial(outcome_kind::agent_failed, f.role, "The " + f.role + " failed: " + f.what);
      },
      [this](const limit_reached& l) {
        if (!current(l.at)) return;
        if (l.whole_experiment) return finish(outcome_kind::budget_exhausted, l.which);
        lose_trial(outcome_kind::budget_exhausted, l.which,
                   "The limit of " + l.which + " was hit.");
      },
      [this](const infra_failed& i) {
        if (current(i.at)) finish(outcome_kind::infra_error, i.where + ": " + i.what);
      },
      [this](const not_injected& n) {
        if (!current(n.at)) return;
        finish(n.infrastructure ? outcome_kind::infra_error : outcome_kind::injection_failed,
               n.why);
      },
      [this](const cancel& c) {
        if (phase_ == phase::idle || phase_ == phase::trying) {
          finish(outcome_kind::cancelled, c.reason);
        }
      },
      [this](const cleared& c) {
        if (phase_ == phase::clearing) report(c.clean);
      },
  };
}

bool supervisor::current(const turn& at) const {
  return phase_ == phase::trying && at.trial == at_.trial;
}

void supervisor::next_trial(const std::string& feedback) {
  phase_ = phase::trying;
  at_ = needs_.begin_trial(at_.trial + 1);
  result_.trials = at_.trial;
  self_->delayed_send(self_, from_seconds(needs_.most.trial_s), trial_expired{at_});
  self_->send(needs_.injector(), trial{at_, feedback});
}

void supervisor::lose_trial(outcome_kind kind, std::string detail, const std::string& feedback) {
  if (at_.trial >= needs_.most.t_max) return finish(kind, std::move(detail));
  next_trial(feedback);
}

void supervisor::finish(outcome_kind kind, std::string detail) {
  if (at_.experiment.empty()) at_ = needs_.begin_trial(0);
  result_.outcome = kind;
  result_.detail = std::move(detail);
  // What healed by itself scores only in a control, where nothing was to be healed.
  if (kind != outcome_kind::recovered && kind != outcome_kind::self_healed) result_.score = 0;
  phase_ = phase::clearing;
  // A turn of trial 0 marks the time limit of clearing among the trials' own.
  self_->delayed_send(self_, from_seconds(needs_.most.clear_s),
                      trial_expired{turn{at_.experiment, 0}});
  self_->send(needs_.injector(), clear{at_});
}

void supervisor::report(bool clean) {
  phase_ = phase::over;
  result_.at = at_;
  result_.clean = clean;
  result_.spent = needs_.spent();
  result_.virtual_s = needs_.virtual_seconds();
  needs_.done(result_);
  // The default reason is ignored by linked actors, and the system would never end.
  self_->quit(caf::exit_reason::user_shutdown);
}

} // namespace remed

#include "agents/coordinator.hpp"

namespace remed::agents {

namespace {

mind_settings with_probe(mind_settings settings, bool there) {
  settings.may_probe = settings.may_probe && there;
  return settings;
}

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};

} // namespace

coordinator::coordinator(handle::pointer self, needs n)
    : self_(self),
      needs_(std::move(n)),
      mind_(with_probe(needs_.settings, static_cast<bool>(needs_.probe)),
            needs_.outside->spending()) {}

coordinator::handle::behavior_type coordinator::behavior() {
  return {
      [this](const incident& what) {
        at_ = what.at;
        carry_out(mind_.begin_trial(what));
      },
      [this](const probe_report& report) {
        if (!awaits_probe_ || report.at.trial != at_.trial) return;
        carry_out(mind_.probed(report));
      },
      [this](const model_reply& reply) {
        if (reply.id != awaited_ || reply.at.trial != at_.trial) return;
        carry_out(mind_.heard(reply));
      },
      [this](const playbook_done& looked_at) {
        if (looked_at.id != awaited_ || looked_at.at.trial != at_.trial) return;
        awaited_ = 0;
        const bool rejected = looked_at.ended.reason == run_reason::rejected_before_run;
        if (rejected && mind_.forgives_rejection())
          return carry_out(mind_.rejected(looked_at.ended.output));
        self_->send(needs_.next, playbook{at_, checked_.yaml, checked_.rationale});
      },
  };
}

void coordinator::hand_in(submit what) {
  checked_ = std::move(what);
  awaited_ = needs_.outside->check_playbook(at_, checked_.yaml, station<playbook_done>{self_});
  if (awaited_ == 0) self_->send(needs_.next, playbook{at_, checked_.yaml, checked_.rationale});
}

void coordinator::carry_out(step what) {
  awaited_ = 0;
  awaits_probe_ = false;
  std::visit(overloaded{
                 [this](ask&) {
                   awaited_ =
                       needs_.outside->ask_model(at_, mind_.request(), station<model_reply>{self_});
                 },
                 [this](probe_first& p) {
                   awaits_probe_ = true;
                   self_->send(needs_.probe, probe_request{at_, std::move(p.commands)});
                 },
                 [this](submit& s) { hand_in(std::move(s)); },
                 [this](resign& r) {
                   self_->send(needs_.supervisor, give_up{at_, std::move(r.reason)});
                 },
                 [this](unusable& u) {
                   self_->send(needs_.supervisor, role_failed{at_, name, std::move(u.why)});
                 },
                 [this](limit_hit& l) {
                   self_->send(needs_.supervisor,
                               limit_reached{at_, std::move(l.which), l.whole_experiment});
                 },
                 [this](outside_broken& b) {
                   self_->send(needs_.supervisor,
                               infra_failed{at_, std::move(b.where), std::move(b.what)});
                 },
             },
             what);
}

} // namespace remed::agents

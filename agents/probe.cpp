#include "agents/probe.hpp"

#include <caf/actor_cast.hpp>

namespace remed::agents {

probe::handle::behavior_type probe::behavior() {
  return {
      [this](const probe_request& asked) {
        // A newer question replaces one whose asker has moved on.
        asked_ = asked;
        asker_ = caf::actor_cast<station<probe_report>>(self_->current_sender());
        results_.clear();
        next();
      },
      [this](const command_done& done) {
        if (done.id != awaited_) return;
        command_report report;
        report.command = asked_.commands[results_.size()];
        report.exit_code = done.exit_code;
        report.output = done.problem.empty() ? done.output : done.problem;
        report.truncated = done.truncated;
        report.seconds = done.seconds;
        results_.push_back(std::move(report));
        next();
      },
  };
}

void probe::next() {
  awaited_ = 0;
  if (results_.size() < asked_.commands.size()) {
    awaited_ = needs_.outside->run_command(asked_.at, asked_.commands[results_.size()],
                                           station<command_done>{self_});
    return;
  }
  if (asker_) self_->send(asker_, probe_report{asked_.at, std::move(results_)});
}

} // namespace remed::agents

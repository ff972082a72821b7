#include "agents/execution.hpp"

#include "agents/text.hpp"

namespace remed::agents {

execution::handle::behavior_type execution::behavior() {
  return {
      [this](const playbook& p) {
        at_ = p.at;
        awaited_ = needs_.outside->run_playbook(p.at, p.yaml, station<playbook_done>{self_});
      },
      [this](const playbook_done& done) {
        if (done.id != awaited_) return;
        awaited_ = 0;
        if (done.ended.reason == run_reason::infra_error) {
          self_->send(needs_.supervisor, infra_failed{at_, "ansible", done.ended.output});
          return;
        }
        auto ended = done.ended;
        ended.at = at_;
        self_->send(needs_.next, std::move(ended));
      },
  };
}

std::string reason_text(run_reason why) {
  switch (why) {
    case run_reason::ok:
      return "The playbook ran to its end without a failed task.";
    case run_reason::parse_error:
      return "The playbook could not be read, so nothing was run: see the place in the output.";
    case run_reason::no_hosts:
      return "The playbook's hosts match no host of the inventory, so nothing was run.";
    case run_reason::unreachable:
      return "A host of the playbook could not be reached.";
    case run_reason::task_failed:
      return "A task of the playbook failed.";
    case run_reason::timed_out:
      return "The playbook was stopped because it took too long.";
    case run_reason::limit:
      return "The playbook was stopped because it used more memory, processes or output than "
             "allowed.";
    case run_reason::infra_error:
      return "The playbook could not be run at all.";
    case run_reason::rejected_before_run:
      return "The playbook was rejected before it was run.";
  }
  return "The playbook ended.";
}

std::string describe_outcome(const outcome& o, std::size_t output_chars) {
  std::string text = reason_text(o.reason) + " Exit code " + std::to_string(o.exit_code) + ".";
  for (const auto& t : o.tasks) {
    text += "\n- " + t.task + " (" + t.host + "): " + t.status;
    if (!t.message.empty()) text += ": " + shorten(t.message, 600);
  }
  const bool needs_output = o.reason != run_reason::ok || o.tasks.empty();
  if (needs_output && !trim(o.output).empty()) {
    text += "\nOutput:\n" + shorten(std::string(trim(o.output)), output_chars);
  }
  return text;
}

} // namespace remed::agents

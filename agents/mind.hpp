// The bounded exchange between an incident and a playbook: what to ask the model, what to make of
// its answers, how often to forgive. Pure logic without actors; coordinator.cpp carries out its
// steps.
#pragma once

#include "agents/conversation.hpp"
#include "runtime/budget.hpp"

#include <string>
#include <variant>
#include <vector>

namespace remed::agents {

struct mind_settings {
  prompts texts;
  bool may_probe = true;
  bool text_playbook = false;        ///< a YAML block in plain text counts as a submission
  std::size_t output_chars = 24'000; ///< of one probe command, in the conversation
  int repairs = 3;                   ///< forgiven unusable answers per trial
  int rejections = 3;                ///< playbooks sent back before a run, per trial
  int refused_probes = 3;            ///< forgiven attempts to probe with nothing left, per trial
  int max_tokens = 8192;             ///< of one answer
  std::uint64_t seed = 0;            ///< of the experiment, for models that take one
};

/// Ask the model with `mind::request()`.
struct ask {};
/// Run these; `mind::probed` takes the results.
struct probe_first {
  std::vector<std::string> commands;
};
struct submit {
  std::string yaml, rationale;
};
struct resign {
  std::string reason;
};
/// The model cannot be worked with in this trial.
struct unusable {
  std::string why;
};
struct limit_hit {
  std::string which;
  bool whole_experiment = false;
};
struct outside_broken {
  std::string where, what;
};
using step = std::variant<ask, probe_first, submit, resign, unusable, limit_hit, outside_broken>;

class mind {
public:
  /// `spent` outlives the mind; probe commands are taken from it.
  mind(mind_settings settings, budget& spent);

  step begin_trial(const incident& what);
  step heard(const model_reply& reply);
  step probed(const probe_report& report);
  /// Whether one more playbook of this trial may be sent back before it is run.
  bool forgives_rejection() const { return rejected_ < settings_.rejections; }
  /// The playbook was refused before it was run, for this reason.
  step rejected(const std::string& why);

  tools::model_request request() const;
  const conversation& said() const { return conversation_; }

private:
  step repair(const std::string& why);
  step use_tool(const tool_use& use);
  step use_probes(const std::vector<tool_use>& uses);
  step plain_text(const model_reply& reply);

  /// A command the model asked for and the call it belongs to.
  struct wanted {
    std::string call_id, command;
    bool refused = false; ///< nothing was left to run it
  };

  mind_settings settings_;
  budget* budget_;
  conversation conversation_;
  std::vector<wanted> wanted_;
  int repairs_ = 0;
  int refused_ = 0;
  int rejected_ = 0;
};

} // namespace remed::agents

// What the coordinator and its model have said to each other over all trials of an experiment. A
// pure value: the beginning never changes (so that caches hit), each trial is appended.
#pragma once

#include "runtime/messages.hpp"
#include "tools/model.hpp"

#include <string>
#include <vector>

namespace remed::agents {

/// The texts around what happens; `{{name}}` places are filled in.
struct prompts {
  std::string system;     ///< {{context}}
  std::string incident;   ///< {{report}}
  std::string reflection; ///< {{trial}} {{feedback}} {{report}}
};

/// The names of the tools and their fields, as models see them.
inline constexpr auto probe_tool = "probe_system";
inline constexpr auto submit_tool = "submit_playbook";
inline constexpr auto give_up_tool = "give_up";
const shared_list<tools::tool_spec>& tool_specs(bool may_probe);

class conversation {
public:
  explicit conversation(prompts texts) : texts_(std::move(texts)) {}

  /// The first incident opens the conversation; each later one closes what the last trial left open
  /// and adds the verdict's feedback.
  void begin_trial(const incident& what);
  /// What the model answered. Arguments that are no JSON are kept as {}: many servers refuse a
  /// history that holds broken ones, and the repair text quotes the error.
  void heard(const model_reply& reply);
  /// The result of one tool call.
  void answer(const std::string& call_id, std::string text);
  /// To the model: as the result of every call still open, or as a user's message.
  void say(const std::string& text);

  const shared_list<tools::chat_message>& messages() const { return messages_; }

private:
  void add(tools::chat_message::role from, std::string text);

  prompts texts_;
  shared_list<tools::chat_message> messages_;
  std::vector<tools::tool_call> open_; ///< calls without a result yet
};

} // namespace remed::agents

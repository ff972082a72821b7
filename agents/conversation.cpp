#include "agents/conversation.hpp"

#include "agents/text.hpp"

#include <algorithm>

namespace remed::agents {

namespace {

using role = tools::chat_message::role;

json text_field(const std::string& about) {
  json field = json::object();
  field["type"] = "string";
  field["description"] = about;
  return field;
}

tools::tool_spec tool(std::string name, std::string about, json properties,
                      std::vector<std::string> required) {
  json schema = json::object();
  schema["type"] = "object";
  schema["properties"] = std::move(properties);
  schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return {std::move(name), std::move(about), std::move(schema)};
}

std::vector<tools::tool_spec> make_tool_specs(bool may_probe) {
  std::vector<tools::tool_spec> all;
  if (may_probe) {
    json commands = json::object();
    commands["type"] = "array";
    commands["items"] = text_field("One shell line, for example: kubectl get pods -n NAMESPACE");
    commands["minItems"] = 1;
    commands["description"] = "Commands to run one after the other.";
    json properties = json::object();
    properties["cmds"] = std::move(commands);
    all.push_back(tool(probe_tool,
                       "Looks at the system without changing it: runs read-only shell commands "
                       "(kubectl is configured) and returns exit code and output of each.",
                       std::move(properties), {"cmds"}));
  }
  json submit = json::object();
  submit["playbook"] = text_field("The complete Ansible playbook in YAML, without code fences.");
  submit["rationale"] = text_field("What is broken, what shows it, and why this repairs it.");
  all.push_back(
      tool(submit_tool,
           "Hands in the Ansible playbook that repairs the failure. It is run at once and "
           "the system is checked afterwards.",
           std::move(submit), {"playbook", "rationale"}));
  json resign = json::object();
  resign["reason"] = text_field("Why no playbook can repair this.");
  all.push_back(
      tool(give_up_tool, "Ends the incident without a repair.", std::move(resign), {"reason"}));
  return all;
}

} // namespace

const shared_list<tools::tool_spec>& tool_specs(bool may_probe) {
  static const shared_list<tools::tool_spec> with{make_tool_specs(true)},
      without{make_tool_specs(false)};
  return may_probe ? with : without;
}

void conversation::add(role from, std::string text) {
  messages_.push_back({from, std::move(text), {}, {}});
}

void conversation::begin_trial(const incident& what) {
  if (messages_.empty()) {
    add(role::system, fill(texts_.system, {{"context", what.context}}));
    add(role::user, fill(texts_.incident, {{"report", what.report}}));
    if (what.feedback.empty()) return;
  } else if (!open_.empty()) {
    say("Done; what came of it follows.");
  }
  add(role::user, fill(texts_.reflection, {{"trial", std::to_string(what.at.trial)},
                                           {"feedback", what.feedback},
                                           {"report", what.report}}));
}

void conversation::heard(const model_reply& reply) {
  // An empty message teaches nothing and many servers refuse it in a history.
  if (reply.text.empty() && reply.tool_calls.empty()) return;
  tools::chat_message message{role::assistant, reply.text, {}, {}};
  for (const auto& use : reply.tool_calls) {
    const bool valid = json::accept(use.arguments);
    message.tool_calls.push_back({use.id, use.name, valid ? use.arguments : "{}"});
  }
  open_ = message.tool_calls;
  messages_.push_back(std::move(message));
}

void conversation::answer(const std::string& call_id, std::string text) {
  messages_.push_back({role::tool, std::move(text), {}, call_id});
  const auto closed = std::find_if(open_.begin(), open_.end(),
                                   [&](const auto& call) { return call.id == call_id; });
  if (closed != open_.end()) open_.erase(closed);
}

void conversation::say(const std::string& text) {
  if (open_.empty()) return add(role::user, text);
  for (const auto& call : std::exchange(open_, {})) {
    messages_.push_back({role::tool, text, {}, call.id});
  }
}

} // namespace remed::agents

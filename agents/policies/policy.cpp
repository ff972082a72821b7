#include "agents/policies/policy.hpp"

#include "agents/conversation.hpp"
#include "agents/policies/cheats.hpp"
#include "agents/policies/rules.hpp"
#include "runtime/json.hpp"

namespace remed::agents {

namespace {

/// There is no tokenizer here; four bytes a token is the usual rule of thumb for English.
std::int64_t tokens(std::size_t bytes) {
  return static_cast<std::int64_t>((bytes + 3) / 4);
}

std::size_t bytes_of(const tools::model_request& request) {
  std::size_t sum = 0;
  for (const auto& m : request.messages) {
    sum += m.content.size();
    for (const auto& call : m.tool_calls) sum += call.name.size() + call.arguments.size();
  }
  return sum;
}

tools::tool_call to_call(const decision& d) {
  json arguments = json::object();
  if (const auto* look = std::get_if<look_at>(&d)) {
    arguments["cmds"] = look->commands;
    return {{}, probe_tool, arguments.dump()};
  }
  if (const auto* repair = std::get_if<repair_by>(&d)) {
    arguments["playbook"] = repair->playbook;
    arguments["rationale"] = repair->rationale;
    return {{}, submit_tool, arguments.dump()};
  }
  arguments["reason"] = std::get<resign_for>(d).reason;
  return {{}, give_up_tool, arguments.dump()};
}

} // namespace

std::shared_ptr<void> policy::complete(tools::model_request request,
                                       std::function<void(result<tools::model_reply>)> done) {
  tools::model_reply reply;
  auto call = to_call(decide(read_request(request)));
  // Unique within the conversation, and the same in every run of it.
  call.id = "call_" + std::to_string(request.messages.size());
  reply.usage.input = tokens(bytes_of(request));
  reply.usage.output = tokens(call.name.size() + call.arguments.size());
  reply.tool_calls.push_back(std::move(call));
  reply.finish_reason = "tool_calls";
  reply.model = "remed/" + name();
  reply.cost = 0;
  reply.rung = "policy";
  done(std::move(reply));
  return nullptr;
}

std::unique_ptr<policy> make_policy(const std::string& name) {
  if (name == "runbook") return std::make_unique<runbook>();
  if (name == "noop") return std::make_unique<noop>();
  if (name == "restart-all") return std::make_unique<restart_all>();
  if (name == "delete-fault") return std::make_unique<delete_fault>();
  if (name == "random") return std::make_unique<random_remedy>();
  if (name == "hasty") return std::make_unique<hasty>();
  for (const auto& one : tricks()) {
    if (name == one.name) return std::make_unique<cheat>(one);
  }
  return nullptr;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> out = {"runbook",      "noop",   "restart-all",
                                  "delete-fault", "random", "hasty"};
  for (const auto& one : tricks()) out.emplace_back(one.name);
  return out;
}

} // namespace remed::agents

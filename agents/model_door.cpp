#include "agents/model_door.hpp"

namespace remed::agents {

namespace {

json describe_message(const tools::chat_message& m) {
  json out = json::object();
  out["role"] = tools::to_string(m.from);
  out["content"] = m.content;
  if (!m.tool_call_id.empty()) out["tool_call_id"] = m.tool_call_id;
  if (m.tool_calls.empty()) return out;
  auto calls = json::array();
  for (const auto& c : m.tool_calls) calls.push_back(json(tool_use{c.id, c.name, c.arguments}));
  out["tool_calls"] = std::move(calls);
  return out;
}

json describe_reply(const model_reply& reply) {
  json out = json::object();
  if (!reply.problem_kind.empty()) {
    out["problem"] = reply.problem;
    out["problem_kind"] = reply.problem_kind;
    return out;
  }
  out["text"] = reply.text;
  out["tool_calls"] = reply.tool_calls;
  out["finish_reason"] = reply.finish_reason;
  out["usage"] = reply.tokens;
  out["model"] = reply.model;
  out["rung"] = reply.rung;
  if (reply.cost_usd >= 0) out["cost_usd"] = reply.cost_usd;
  return out;
}

} // namespace

std::string problem_kind(errc code) {
  switch (code) {
    case errc::over_budget:
      return "budget";
    case errc::refused:
      return "refused";
    case errc::bad_input:
      return "garbage";
    default:
      return "infra";
  }
}

model_reply to_message(const turn& at, tools::model_reply reply) {
  model_reply out;
  out.at = at;
  out.text = std::move(reply.text);
  for (auto& call : reply.tool_calls) {
    out.tool_calls.push_back({std::move(call.id), std::move(call.name), std::move(call.arguments)});
  }
  out.finish_reason = std::move(reply.finish_reason);
  out.tokens = {reply.usage.input, reply.usage.output, reply.usage.cached, reply.usage.reasoning};
  out.cost_usd = reply.cost.value_or(-1);
  out.model = std::move(reply.model);
  out.rung = std::move(reply.rung);
  return out;
}

json model_door::describe(const tools::model_request& request) {
  if (request.messages.size() < logged_) logged_ = 0; // another conversation
  json about = json::object();
  about["model"] = model_->name();
  about["policy"] = model_->is_policy();
  about["count"] = request.messages.size();
  auto fresh = json::array();
  for (auto i = logged_; i < request.messages.size(); ++i) {
    fresh.push_back(describe_message(request.messages[i]));
  }
  about["messages"] = std::move(fresh);
  auto names = json::array();
  for (const auto& tool : request.tools) names.push_back(tool.name);
  about["tools"] = std::move(names);
  logged_ = request.messages.size();
  return about;
}

std::uint64_t model_door::ask(const turn& at, tools::model_request request,
                              station<model_reply> to) {
  auto work = world_->begin(outside::model, "model", "coordinator", describe(request));
  const auto id = work->id();
  open_[id] = work;
  auto limit = budget_->model_forbidden();
  std::shared_ptr<void> paid; // held by the call: dropped with it when it is cancelled
  if (!limit && budget_->shared() && !model_->is_policy()) {
    paid = purse::begin_call(budget_->shared());
    if (!paid) limit = "money";
  }
  if (limit) {
    model_reply refusal;
    refusal.at = at;
    refusal.problem = *limit;
    refusal.problem_kind = "budget";
    finish(id, std::move(refusal), to);
    return id;
  }
  auto done = [this, id, at, to, paid](result<tools::model_reply> reply) {
    // A failed call costs a call too: otherwise an endless series of failures would be free.
    model_reply message;
    message.at = at;
    if (reply) {
      message = to_message(at, std::move(*reply));
    } else {
      message.problem = reply.why().what;
      message.problem_kind = problem_kind(reply.why().code);
    }
    budget_->took_model(message.tokens, reply ? message.cost_usd : 0);
    finish(id, std::move(message), to);
  };
  try {
    work->hold(model_->complete(std::move(request), done));
  } catch (const std::exception& e) {
    // Models are other people's code: what they throw is a call that failed.
    done(failure{errc::failed, std::string("the model threw: ") + e.what()});
  }
  return id;
}

void model_door::finish(std::uint64_t id, model_reply reply, const station<model_reply>& to) {
  const auto open = open_.extract(id);
  if (open.empty()) return;
  reply.id = id;
  auto about = describe_reply(reply);
  open.mapped()->finish(to, std::move(reply), std::move(about));
}

} // namespace remed::agents

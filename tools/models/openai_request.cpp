#include "tools/models/openai_request.hpp"

#include "runtime/json.hpp"

#include <algorithm>
#include <functional>

namespace remed::tools {

namespace {

json message_json(const chat_message& m) {
  auto out = json::object();
  out["role"] = to_string(m.from);
  if (m.content.empty() && !m.tool_calls.empty())
    out["content"] = nullptr;
  else
    out["content"] = m.content;
  if (!m.tool_call_id.empty()) out["tool_call_id"] = m.tool_call_id;
  for (const auto& call : m.tool_calls) {
    auto one = json::object();
    one["id"] = call.id;
    one["type"] = "function";
    one["function"] = {{"name", call.name}, {"arguments", call.arguments}};
    out["tool_calls"].push_back(std::move(one));
  }
  return out;
}

std::size_t hash_of(const chat_message& m) {
  std::size_t out = static_cast<std::size_t>(m.from);
  auto add = [&](const std::string& text) {
    out = (out ^ std::hash<std::string>{}(text)) * 0x9e3779b97f4a7c15ULL + text.size();
  };
  add(m.content);
  add(m.tool_call_id);
  for (const auto& call : m.tool_calls) {
    add(call.id);
    add(call.name);
    add(call.arguments);
  }
  return out;
}

json tool_json(const tool_spec& t) {
  auto function = json::object();
  function["name"] = t.name;
  function["description"] = t.description;
  function["parameters"] = t.parameters.is_object() ? t.parameters : json({{"type", "object"}});
  auto out = json::object();
  out["type"] = "function";
  out["function"] = std::move(function);
  return out;
}

const char* choice_text(model_request::choice c, const openai_dialect& dialect) {
  if (c == model_request::choice::none) return "none";
  return c == model_request::choice::required && dialect.forced_tools ? "required" : "auto";
}

std::string text_of(const json& from, const char* key) {
  auto found = from.find(key);
  if (found == from.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

} // namespace

std::size_t conversation_text::known_of(const shared_list<chat_message>& messages) const {
  const auto most = std::min(done_.size(), messages.size());
  const auto mark = messages.mark();
  if (!mark.owner_before(mark_) && !mark_.owner_before(mark)) return most;
  std::size_t same = 0;
  while (same < most && done_[same].hash == hash_of(messages[same])) ++same;
  return same;
}

shared_value<std::string> conversation_text::between(std::string_view head,
                                                     const shared_list<chat_message>& messages,
                                                     std::string_view tail) {
  const auto same = known_of(messages);
  mark_ = messages.mark();
  done_.resize(same);
  const auto kept = same > 0 ? done_.back().end : 0;
  std::string added;
  for (auto i = same; i < messages.size(); ++i) {
    if (i > 0) added += ',';
    added += dump(message_json(messages[i]));
    done_.push_back({hash_of(messages[i]), kept + added.size()});
  }
  added += tail;
  // The last request is over, as a rule, and its text grows into this one's.
  auto text = std::move(last_).take();
  text.resize(begin_ + kept);
  text.replace(0, begin_, head);
  begin_ = head.size();
  if (const auto needed = text.size() + added.size(); needed > text.capacity())
    text.reserve(needed + needed / 8);
  text += added;
  return last_ = std::move(text);
}

shared_value<std::string> openai_request_body(const model_request& request,
                                              const openai_options& options,
                                              conversation_text& said) {
  const auto& dialect = options.dialect;
  auto body = json::object();
  body["model"] = options.model;
  for (const auto& t : request.tools) body["tools"].push_back(tool_json(t));
  if (!request.tools.empty()) body["tool_choice"] = choice_text(request.tool_choice, dialect);
  body[dialect.max_completion_tokens ? "max_completion_tokens" : "max_tokens"] = request.max_tokens;
  if (request.temperature && dialect.temperature) body["temperature"] = *request.temperature;
  // JSON readers of other languages lose precision beyond 2^53, some servers take only 63 bits.
  if (dialect.seed) body["seed"] = request.seed & 0x7fffffff;
  if (options.stream) {
    body["stream"] = true;
    if (dialect.stream_usage) body["stream_options"] = {{"include_usage", true}};
  }
  if (options.extra.is_object()) body.update(options.extra);
  // The one member that is long, behind all others; an object that is not empty ends its text.
  auto head = dump(body);
  head.pop_back();
  return said.between(head.append(",\"messages\":["), request.messages, "]}");
}

openai_error read_openai_error(const json& document) {
  openai_error out;
  if (!document.is_object()) return out;
  const auto& error = document.contains("error") ? document["error"] : document;
  if (error.is_string()) {
    out.message = error.get<std::string>();
  } else if (error.is_object()) {
    out.message = text_of(error, "message");
    out.type = text_of(error, "type");
    out.code = text_of(error, "code");
    out.param = text_of(error, "param");
  }
  if (out.message.empty()) out.message = text_of(document, "detail");
  return out;
}

openai_error parse_openai_error(const std::string& body) {
  auto document = json::parse(body, nullptr, false);
  auto out = read_openai_error(document);
  if (out.message.empty()) out.message = body.substr(0, 300);
  return out;
}

bool step_down(openai_dialect& dialect, const openai_dialect& sent, const openai_error& error,
               const model_request& request) {
  auto about = [&](const char* name) {
    return error.param == name ||
           (error.param.empty() && error.message.find(name) != std::string::npos);
  };
  // Looked at as it was sent: another call of the same instance may have learnt it meanwhile.
  auto give_up = [&](bool openai_dialect::*feature) {
    if (sent.*feature) dialect.*feature = false;
    return sent.*feature;
  };
  const char* token_name = sent.max_completion_tokens ? "max_completion_tokens" : "max_tokens";
  if (about(token_name) && !sent.token_name_changed) {
    dialect.max_completion_tokens = !sent.max_completion_tokens;
    return dialect.token_name_changed = true;
  }
  if (about("tool_choice") && request.tool_choice == model_request::choice::required)
    return give_up(&openai_dialect::forced_tools);
  if (about("temperature") && request.temperature) return give_up(&openai_dialect::temperature);
  if (about("seed")) return give_up(&openai_dialect::seed);
  if (about("stream_options")) return give_up(&openai_dialect::stream_usage);
  return false;
}

bool is_out_of_quota(const openai_error& error) {
  for (const auto& text : {error.code, error.type})
    for (const char* word : {"insufficient_quota", "billing", "credit", "spend", "payment"})
      if (text.find(word) != std::string::npos) return true;
  return false;
}

} // namespace remed::tools

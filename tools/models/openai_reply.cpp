#include "tools/models/openai_reply.hpp"

namespace remed::tools {

namespace {

failure nonsense(const std::string& what) {
  return {errc::failed, "the model's answer makes no sense: " + what};
}

std::string text_at(const json& from, const char* key) {
  if (!from.is_object()) return {};
  auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::int64_t number_at(const json& from, const char* key) {
  if (!from.is_object()) return 0;
  auto found = from.find(key);
  return found != from.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

const json& part(const json& from, const char* key) {
  static const json nothing;
  if (!from.is_object()) return nothing;
  auto found = from.find(key);
  return found != from.end() ? *found : nothing;
}

/// Text, or a list of parts with text.
std::string content_text(const json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string out;
  if (content.is_array())
    for (const auto& one : content) out += text_at(one, "text");
  return out;
}

void fill_usage(model_reply& reply, const json& usage, const std::optional<token_price>& price) {
  if (!usage.is_object()) return;
  auto& u = reply.usage;
  u.input = number_at(usage, "prompt_tokens");
  u.output = number_at(usage, "completion_tokens");
  u.cached = number_at(part(usage, "prompt_tokens_details"), "cached_tokens");
  if (u.cached == 0) u.cached = number_at(usage, "prompt_cache_hit_tokens");
  u.reasoning = number_at(part(usage, "completion_tokens_details"), "reasoning_tokens");
  const auto& told = part(usage, "cost");
  if (told.is_number()) {
    reply.cost = told.get<double>(); // what the provider itself says is right
  } else if (price) {
    auto fresh = static_cast<double>(u.input - u.cached) * price->input;
    auto cached = static_cast<double>(u.cached) * price->cached.value_or(price->input);
    reply.cost = (fresh + cached + static_cast<double>(u.output) * price->output) / 1e6;
  }
}

void finish_reply(model_reply& reply) {
  int n = 0;
  for (auto& call : reply.tool_calls) {
    if (call.id.empty()) call.id = "call_" + std::to_string(n);
    ++n;
  }
  if (reply.finish_reason == "function_call") reply.finish_reason = "tool_calls";
  if (reply.finish_reason.empty())
    reply.finish_reason = reply.tool_calls.empty() ? "stop" : "tool_calls";
}

std::string arguments_text(const json& function) {
  const auto& arguments = part(function, "arguments");
  return arguments.is_object() ? arguments.dump() : text_at(function, "arguments");
}

} // namespace

result<model_reply> parse_openai_reply(const std::string& body,
                                       const std::optional<token_price>& price) {
  // Some servers send blank lines while they think; the parser skips them.
  return read_openai_reply(json::parse(body, nullptr, false), body, price);
}

result<model_reply> read_openai_reply(const json& document, const std::string& body,
                                      const std::optional<token_price>& price) {
  if (document.is_discarded()) return nonsense("it is not valid JSON: " + body.substr(0, 200));
  const auto& choices = part(document, "choices");
  if (!choices.is_array() || choices.empty()) return nonsense("it has no choices");
  const auto& message = part(choices[0], "message");
  if (!message.is_object()) return nonsense("its choice has no message");
  model_reply out;
  out.model = text_at(document, "model");
  out.text = content_text(part(message, "content"));
  if (out.text.empty()) out.text = text_at(message, "refusal");
  out.finish_reason = text_at(choices[0], "finish_reason");
  const auto& calls = part(message, "tool_calls");
  if (calls.is_array())
    for (const auto& call : calls) {
      const auto& function = part(call, "function");
      out.tool_calls.push_back(
          {text_at(call, "id"), text_at(function, "name"), arguments_text(function)});
    }
  fill_usage(out, part(document, "usage"), price);
  finish_reply(out);
  return out;
}

bool openai_stream::take(const std::string& data) {
  if (done_) return true;
  if (data == "[DONE]") {
    done_ = true;
    return true;
  }
  auto chunk = json::parse(data, nullptr, false);
  if (!chunk.is_object()) {
    nonsense_ = "a piece is not valid JSON: " + data.substr(0, 200);
    return false;
  }
  if (chunk.contains("error")) {
    error_ = read_openai_error(chunk);
    return false;
  }
  ++chunks_;
  if (auto name = text_at(chunk, "model"); !name.empty()) reply_.model = name;
  if (part(chunk, "usage").is_object()) usage_ = chunk["usage"];
  const auto& choices = part(chunk, "choices");
  if (!choices.is_array() || choices.empty()) return true; // the piece with the usage
  take_delta(part(choices[0], "delta"));
  if (auto why = text_at(choices[0], "finish_reason"); !why.empty()) reply_.finish_reason = why;
  return true;
}

void openai_stream::take_delta(const json& delta) {
  reply_.text += content_text(part(delta, "content"));
  reply_.text += text_at(delta, "refusal");
  const auto& calls = part(delta, "tool_calls");
  if (!calls.is_array()) return;
  for (const auto& piece : calls) {
    auto& call = calls_[number_at(piece, "index")];
    if (auto id = text_at(piece, "id"); !id.empty()) call.id = id;
    const auto& function = part(piece, "function");
    if (call.name.empty()) call.name = text_at(function, "name");
    call.arguments += arguments_text(function);
  }
}

result<model_reply> openai_stream::end(const std::optional<token_price>& price) {
  if (!nonsense_.empty()) return nonsense(nonsense_);
  if (reply_.finish_reason.empty())
    return failure{errc::unreachable,
                   "the model's answer broke off after " + std::to_string(chunks_) + " pieces"};
  auto out = std::move(reply_);
  for (auto& [index, call] : calls_) out.tool_calls.push_back(std::move(call));
  fill_usage(out, usage_, price);
  finish_reply(out);
  return out;
}

} // namespace remed::tools

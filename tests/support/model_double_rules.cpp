// What makes an OpenAI server refuse a request.
#include "tests/support/model_double.hpp"

namespace remed::test {

namespace {

json invalid(const std::string& message, const json& param, const json& code = nullptr) {
  auto error = json::object();
  error["message"] = message;
  error["type"] = "invalid_request_error";
  error["param"] = param;
  error["code"] = code;
  auto out = json::object();
  out["error"] = std::move(error);
  return out;
}

std::string at(std::size_t i, const char* field) {
  return "messages.[" + std::to_string(i) + "]." + field;
}

std::string string_at(const json& from, const char* key) {
  auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::optional<json> check_tool_calls(const json& message, std::size_t i,
                                     std::set<std::string>& unanswered) {
  for (const auto& call : message["tool_calls"]) {
    auto id = string_at(call, "id");
    if (id.empty() || string_at(call, "type") != "function" || !call.contains("function") ||
        !call["function"].contains("arguments") || !call["function"]["arguments"].is_string())
      return invalid("Invalid tool call.", at(i, "tool_calls"));
    unanswered.insert(id);
  }
  return std::nullopt;
}

std::optional<json> check_messages(const json& messages) {
  if (!messages.is_array() || messages.empty())
    return invalid("Invalid 'messages': empty array.", "messages", "empty_array");
  std::set<std::string> unanswered;
  auto missing = [&](std::size_t i) {
    std::string ids;
    for (const auto& id : unanswered) ids += (ids.empty() ? "" : ", ") + id;
    return invalid(
        "An assistant message with 'tool_calls' must be followed by tool messages "
        "responding to each 'tool_call_id'. The following tool_call_ids did not have "
        "response messages: " +
            ids,
        at(i, "role"));
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& m = messages[i];
    auto role = string_at(m, "role");
    if (role != "system" && role != "developer" && role != "user" && role != "assistant" &&
        role != "tool")
      return invalid("Invalid value: '" + role +
                         "'. Supported values are: 'system', 'assistant', "
                         "'user', 'function', 'tool', and 'developer'.",
                     at(i, "role"), "invalid_value");
    if (role == "tool") {
      if (unanswered.erase(string_at(m, "tool_call_id")) == 0)
        return invalid(
            "Invalid parameter: messages with role 'tool' must be a response to a "
            "preceeding message with 'tool_calls'.",
            at(i, "role"));
    } else if (!unanswered.empty()) {
      return missing(i);
    }
    const bool has_calls = m.contains("tool_calls");
    if (!m.contains("content") ||
        (!m["content"].is_string() && !(role == "assistant" && has_calls)))
      return invalid("Invalid value for 'content': expected a string, got null.", at(i, "content"));
    if (!has_calls) continue;
    if (role != "assistant" || !m["tool_calls"].is_array() || m["tool_calls"].empty())
      return invalid("Invalid 'tool_calls'.", at(i, "tool_calls"));
    if (auto error = check_tool_calls(m, i, unanswered)) return error;
  }
  if (!unanswered.empty()) return missing(messages.size());
  return std::nullopt;
}

bool is_tool_name(const std::string& name) {
  if (name.empty() || name.size() > 64) return false;
  for (unsigned char c : name)
    if (!std::isalnum(c) && c != '_' && c != '-') return false;
  return true;
}

std::optional<json> check_tools(const json& request) {
  if (!request.contains("tools")) {
    if (request.contains("tool_choice"))
      return invalid(
          "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' "
          "are specified.",
          "tool_choice");
    return std::nullopt;
  }
  if (!request["tools"].is_array() || request["tools"].empty())
    return invalid("Invalid 'tools': empty array.", "tools", "empty_array");
  for (std::size_t i = 0; i < request["tools"].size(); ++i) {
    const auto& tool = request["tools"][i];
    auto place = "tools[" + std::to_string(i) + "].function";
    if (string_at(tool, "type") != "function" || !tool.contains("function"))
      return invalid("Missing required parameter: '" + place + "'.", place,
                     "missing_required_parameter");
    const auto& function = tool["function"];
    auto name = string_at(function, "name");
    if (!is_tool_name(name))
      return invalid("Invalid '" + place + ".name': string does not match pattern.",
                     place + ".name", "invalid_value");
    static const json no_parameters;
    const auto& parameters =
        function.contains("parameters") ? function["parameters"] : no_parameters;
    if (!parameters.is_object() || string_at(parameters, "type") != "object")
      return invalid("Invalid schema for function '" + name +
                         "': schema must be a JSON Schema of "
                         "'type: \"object\"', got 'type: \"" +
                         string_at(parameters, "type") + "\"'.",
                     place + ".parameters", "invalid_function_parameters");
  }
  return std::nullopt;
}

} // namespace

std::int64_t count_tokens(const std::string& text) {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

std::optional<json> find_request_error(const json& request, const model_double::options& options) {
  static const std::set<std::string> known{
      "model",       "messages", "tools",  "tool_choice",    "max_completion_tokens", "max_tokens",
      "temperature", "seed",     "stream", "stream_options", "parallel_tool_calls",   "top_p"};
  if (!request.is_object())
    return invalid("We could not parse the JSON body of your request.", nullptr);
  if (string_at(request, "model").empty())
    return invalid("you must provide a model parameter", nullptr);
  for (const auto& [key, value] : request.items()) {
    if (options.rejects.count(key))
      return invalid("Unsupported parameter: '" + key + "' is not supported with this model.", key,
                     "unsupported_parameter");
    if (!known.count(key))
      return invalid("Unrecognized request argument supplied: " + key, nullptr);
  }
  static const json no_messages;
  const auto messages = request.find("messages");
  if (auto error = check_messages(messages == request.end() ? no_messages : *messages))
    return error;
  if (auto error = check_tools(request)) return error;
  if (options.rejects_required && string_at(request, "tool_choice") == "required")
    return invalid("Invalid value for 'tool_choice': 'required' is not supported.", "tool_choice");
  if (request.contains("stream_options") && !request.value("stream", false))
    return invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                   "stream_options");
  return std::nullopt;
}

} // namespace remed::test

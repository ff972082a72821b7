// The test double's mind as one of the built-in policies: what it would answer if it stood behind a
// socket. Only for tests that may see agents.
#pragma once

#include "agents/policies/policy.hpp"
#include "tests/support/model_double.hpp"

#include <map>
#include <string>
#include <utility>

namespace remed::test {

/// A request of OpenAI's wire as the policies read it.
inline tools::model_request request_of(const json& from) {
  using role = tools::chat_message::role;
  static const std::map<std::string, role> roles{{"system", role::system},
                                                 {"user", role::user},
                                                 {"assistant", role::assistant},
                                                 {"tool", role::tool}};
  tools::model_request out;
  out.seed = from.value("seed", std::uint64_t{0});
  for (const auto& m : from.at("messages")) {
    tools::chat_message message;
    message.from = roles.at(m.at("role").get<std::string>());
    if (m.at("content").is_string()) message.content = m.at("content").get<std::string>();
    message.tool_call_id = m.value("tool_call_id", "");
    if (m.contains("tool_calls")) {
      for (const auto& call : m.at("tool_calls")) {
        const auto& f = call.at("function");
        message.tool_calls.push_back({call.at("id").get<std::string>(),
                                      f.at("name").get<std::string>(),
                                      f.at("arguments").get<std::string>()});
      }
    }
    out.messages.push_back(std::move(message));
  }
  if (from.contains("tools")) {
    for (const auto& tool : from.at("tools"))
      out.tools.push_back({tool.at("function").at("name").get<std::string>(), {}, {}});
  }
  return out;
}

inline double_answer answer_of(agents::policy& mind, const json& request,
                               std::chrono::milliseconds delay) {
  double_answer answer;
  answer.delay = delay;
  mind.complete(request_of(request), [&](result<tools::model_reply> reply) {
    answer.text = reply->text;
    answer.tool_calls = std::move(reply->tool_calls);
  });
  return answer;
}

} // namespace remed::test

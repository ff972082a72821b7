// What answers a chat request: an LLM behind HTTP, a recording, or a built-in policy.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/result.hpp"
#include "runtime/shared_list.hpp"
#include "tools/io_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace remed::tools {

struct tool_call {
  std::string id;
  std::string name;
  std::string arguments; ///< JSON text as the model wrote it; may be invalid
};

struct chat_message {
  enum class role { system, user, assistant, tool } from = role::user;
  std::string content;
  std::vector<tool_call> tool_calls; ///< only from the assistant
  std::string tool_call_id;          ///< only from a tool
};
const char* to_string(chat_message::role r);

struct tool_spec {
  std::string name, description;
  json parameters; ///< JSON Schema
};

struct model_request {
  shared_list<chat_message> messages; ///< of thousands that wait, each is held once
  shared_list<tool_spec> tools;
  enum class choice { automatic, required, none } tool_choice = choice::automatic;
  std::optional<double> temperature;
  std::uint64_t seed = 0;
  int max_tokens = 4096;
};

struct token_usage {
  std::int64_t input = 0; ///< includes cached
  std::int64_t output = 0;
  std::int64_t cached = 0;
  std::int64_t reasoning = 0;
};

struct model_reply {
  std::string text;
  std::vector<tool_call> tool_calls;
  std::string finish_reason; ///< stop, length, tool_calls, content_filter
  token_usage usage;
  std::string model;          ///< as the peer names itself
  int attempts = 1;           ///< HTTP requests it took
  std::optional<double> cost; ///< in USD; unknown stays unknown
  std::string rung = "tools"; ///< which way of asking worked (reference: ladder for weak models)
};

/// Answers chat requests. One instance per world; asynchronous on the loop.
class model {
public:
  virtual ~model() = default;
  virtual std::string name() const = 0;
  /// A built-in policy, to be labelled as such, never as an LLM.
  virtual bool is_policy() const { return false; }
  /// `done` is called exactly once (a policy may call it at once) unless the handle is dropped.
  virtual std::shared_ptr<void> complete(model_request request,
                                         std::function<void(result<model_reply>)> done) = 0;
};

} // namespace remed::tools

// An honest stand-in for an LLM server: real HTTP on a real socket, as strict as the real one, with
// scripted trouble. What it answers is decided from the request's bytes alone.
#pragma once

#include "runtime/json_value.hpp"
#include "tools/http_server.hpp"
#include "tools/model.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace remed::test {

/// What the "model" says.
struct double_answer {
  std::string text;
  std::vector<tools::tool_call> tool_calls;
  std::string finish_reason; ///< empty: stop or tool_calls, or length when max tokens is reached
  std::chrono::milliseconds delay{0};
};

/// What goes wrong with one request.
struct double_trouble {
  enum class kind {
    status,       ///< answer `status` with `body` and `headers`
    reset,        ///< break the connection in the middle of the answer
    stall,        ///< never (go on to) answer
    keep_alive,   ///< stream only comments, for ever
    bad_json,     ///< 200 with a body that ends in the middle
    error_in_200, ///< 200 with an error object
    no_done,      ///< a stream that ends after its first pieces
  } what = kind::status;
  int status = 500;
  tools::http_headers headers;
  json body;
};

class model_double {
public:
  struct options {
    std::string api_key = "test-key";
    std::string model = "double-1";
    std::set<std::string> rejects; ///< parameters answered with 400 unsupported_parameter
    bool rejects_required = false; ///< tool_choice "required" is answered with 400
    bool ignores_stream = false;   ///< answers a stream request with a whole document
    bool keeps_requests = true;    ///< false: `seen` stays empty
    std::size_t piece_bytes = 7;   ///< a stream is sent in pieces of this size, wherever they fall
    std::size_t max_connections = 4096;
    std::shared_ptr<const tools::tls_identity> tls;
  };
  using decider = std::function<double_answer(const json& request)>;
  /// Decides by the request's text, or leaves it to the decider.
  using glance = std::function<std::optional<double_answer>(std::string_view request)>;

  model_double(tools::io_loop& loop, decider decide, options o);
  model_double(tools::io_loop& loop, decider decide) : model_double(loop, std::move(decide), {}) {}

  std::string base_url() const;
  /// For benchmarks, where the double must cost little beside what is measured: what is answered at
  /// a glance is neither checked, kept nor counted among the script's requests. Before the first.
  glance at_a_glance;
  /// Trouble by number of the request, counted from 1.
  std::map<int, double_trouble> script;
  /// All requests that came, as they came (also refused ones).
  const std::vector<json>& seen() const { return seen_; }
  std::size_t answered() const { return answered_; }

private:
  tools::http_reply handle(const tools::http_request& request);
  tools::http_reply answer(const json& request);
  tools::http_reply after_thinking(tools::http_response ready, std::chrono::milliseconds delay);
  tools::http_reply trouble(const double_trouble& t, const json& request);
  /// `usage` of the prompt and the answer.
  json document(const double_answer& a, json usage) const;
  std::string stream_text(const double_answer& a, const json& request) const;
  tools::http_reply stream(std::string text, double_trouble::kind end, bool troubled);

  tools::io_loop& loop_;
  decider decide_;
  options options_;
  std::vector<json> seen_;
  std::size_t answered_ = 0;
  std::vector<std::shared_ptr<tools::http_stream>> open_;
  std::vector<std::function<void(tools::http_response)>> stalled_;
  std::vector<std::shared_ptr<void>> timers_;
  std::map<std::uint64_t, std::shared_ptr<void>> thinking_; ///< answers that are due later
  std::uint64_t thought_ = 0;
  int requests_ = 0;
  std::unique_ptr<tools::http_server> server_;
  std::uint16_t port_ = 0;
};

/// Deterministic: a token is about four bytes.
std::int64_t count_tokens(const std::string& text);

/// The error an OpenAI server would answer, or nothing: unknown roles, unanswered tool calls, bad
/// tool schemas, missing or unknown fields.
std::optional<json> find_request_error(const json& request, const model_double::options& options);

} // namespace remed::test

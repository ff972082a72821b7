// An LLM behind OpenAI's Chat Completions API, or one of the many servers that speak it.
#pragma once

#include "runtime/random.hpp"
#include "tools/model.hpp"

namespace remed::tools {

/// USD for a million tokens.
struct token_price {
  double input = 0, output = 0;
  std::optional<double> cached; ///< none: as input
};

/// What a server understands. Where a server rejects something with 400, the instance corrects this
/// by itself and remembers it.
struct openai_dialect {
  bool max_completion_tokens = true; ///< else the older max_tokens
  bool token_name_changed = false;   ///< the other of the two names has been rejected already
  bool temperature = true;
  bool seed = true;
  bool forced_tools = true; ///< tool_choice "required"; else "auto"
  bool stream_usage = true; ///< stream_options.include_usage
};

struct openai_options {
  std::string base_url = "https://api.openai.com/v1";
  std::string model;
  std::string api_key; ///< empty: no Authorization field
  bool stream = false;
  openai_dialect dialect;
  json extra = json::object(); ///< merged into every request body
  std::optional<token_price> price;
  std::string ca_pem; ///< trust this authority beside the machine's own
  std::chrono::milliseconds connect_limit{5'000};
  std::chrono::milliseconds idle_limit{120'000};  ///< to the answer, and between pieces of a stream
  std::chrono::milliseconds total_limit{600'000}; ///< of one attempt
  int retries = 2;
  std::chrono::milliseconds retry_wait{500}, retry_wait_most{8'000};
  std::chrono::milliseconds server_wait_most{120'000}; ///< asked to wait longer: give up
  random_source jitter{0};
};

/// Retries what may pass (no connection, 408, 409, 429, 5xx), never what costs money again for
/// nothing (no quota, no credit) and never a refusal. A failure is `refused` (credentials, quota, a
/// wrong request), `unreachable`, `timed_out` or `failed` (an answer that makes no sense).
std::unique_ptr<model> make_openai_model(io_loop& loop, openai_options options);

} // namespace remed::tools

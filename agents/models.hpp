// A model by name: a built-in policy, or one declared in configs/models/<name>.yaml.
#pragma once

#include "runtime/fields.hpp"
#include "runtime/json.hpp"
#include "runtime/result.hpp"
#include "tools/model.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace remed::agents {

/// USD for a million tokens. Without input and output prices the cost is unknown, never 0.
struct model_prices {
  double input = -1, output = -1, cached = -1; ///< negative: not given
};
FIELDS(model_prices, input, output, cached)

/// What the server understands; it is corrected at run time where a server says no.
struct model_dialect {
  bool max_completion_tokens = true; ///< false: the older max_tokens
  bool temperature = true;
  bool seed = true;
  bool forced_tools = true; ///< false: tool_choice is always auto
  bool stream_usage = true;
};
FIELDS(model_dialect, max_completion_tokens, temperature, seed, forced_tools, stream_usage)

struct model_file {
  std::string name;
  std::string summary;
  std::string base_url; ///< ends before /chat/completions
  std::string model;    ///< as the server names it
  std::string
      api_key_env; ///< environment variable that holds the key; empty: the server needs none
  bool stream = false;
  model_dialect dialect;
  model_prices prices;
  json extra = json::object(); ///< merged into every request
  double idle_s = 120;         ///< wall seconds until the answer begins, and between its pieces
  double total_s = 600;        ///< of one attempt
  std::int64_t retries = 2;
};
FIELDS(model_file, name, summary, base_url, model, api_key_env, stream, dialect, prices, extra,
       idle_s, total_s, retries)

/// Makes a model. `loop` may be null for policies. `seed` is for the jitter of retries. Errors name
/// what is missing and the remedy.
result<std::unique_ptr<tools::model>> make_model(const std::string& name, tools::io_loop* loop,
                                                 std::uint64_t seed);
/// The same for a declaration that was read already.
result<std::unique_ptr<tools::model>> make_model(const model_file& declared, tools::io_loop& loop,
                                                 std::uint64_t seed);
/// Reads and checks a declaration, by name or by a path that ends in .yaml.
result<model_file> load_model_file(const std::string& name_or_file);
/// All names: policies first, then the declared ones.
std::vector<std::string> model_names();

} // namespace remed::agents

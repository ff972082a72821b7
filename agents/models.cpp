#include "agents/models.hpp"

#include "agents/policies/policy.hpp"
#include "runtime/config.hpp"
#include "runtime/paths.hpp"
#include "tools/models/openai.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace remed::agents {

namespace {

namespace fs = std::filesystem;

fs::path folder() {
  return data_root() / "configs" / "models";
}

std::chrono::milliseconds milliseconds(double s) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(s * 1000)};
}

result<std::string> read_key(const model_file& m) {
  if (m.api_key_env.empty()) return std::string();
  const char* key = std::getenv(m.api_key_env.c_str());
  if (key != nullptr && *key != 0) return std::string(key);
  return failure{errc::bad_input,
                 "model " + m.name + " needs a key: set the environment variable " + m.api_key_env};
}

tools::openai_options to_options(const model_file& m, std::string key, std::uint64_t seed) {
  tools::openai_options o;
  o.base_url = m.base_url;
  o.model = m.model;
  o.api_key = std::move(key);
  o.stream = m.stream;
  o.dialect.max_completion_tokens = m.dialect.max_completion_tokens;
  o.dialect.temperature = m.dialect.temperature;
  o.dialect.seed = m.dialect.seed;
  o.dialect.forced_tools = m.dialect.forced_tools;
  o.dialect.stream_usage = m.dialect.stream_usage;
  o.extra = m.extra;
  if (m.prices.input >= 0 && m.prices.output >= 0) {
    tools::token_price price{m.prices.input, m.prices.output, std::nullopt};
    if (m.prices.cached >= 0) price.cached = m.prices.cached;
    o.price = price;
  }
  o.idle_limit = milliseconds(m.idle_s);
  o.total_limit = milliseconds(m.total_s);
  o.retries = static_cast<int>(m.retries);
  o.jitter = random_source{seed}.split("model retries");
  return o;
}

} // namespace

std::vector<std::string> model_names() {
  auto names = policy_names();
  std::vector<std::string> declared;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder(), ec)) {
    if (entry.path().extension() == ".yaml") declared.push_back(entry.path().stem().string());
  }
  std::sort(declared.begin(), declared.end());
  names.insert(names.end(), declared.begin(), declared.end());
  return names;
}

result<model_file> load_model_file(const std::string& name_or_file) {
  const bool file = name_or_file.ends_with(".yaml") || name_or_file.ends_with(".yml");
  const auto path = file ? fs::path(name_or_file) : folder() / (name_or_file + ".yaml");
  std::error_code ec;
  if (!file && !fs::exists(path, ec)) {
    const auto near = nearest(name_or_file, model_names());
    return failure{errc::bad_input, "there is no model \"" + name_or_file +
                                        "\": it is neither a policy nor a file in " +
                                        folder().string() +
                                        (near.empty() ? "" : "; did you mean \"" + near + "\"?")};
  }
  auto read = load_yaml<model_file>(path);
  if (!read) return read.why();
  if (read->name.empty()) read->name = path.stem().string();
  const bool http = read->base_url.starts_with("http://") || read->base_url.starts_with("https://");
  if (!http)
    return failure{errc::bad_input,
                   path.string() + ": base_url must begin with http:// or https://"};
  if (read->model.empty()) return failure{errc::bad_input, path.string() + ": model is missing"};
  if (!read->extra.is_object())
    return failure{errc::bad_input, path.string() + ": extra must be a mapping"};
  return read;
}

result<std::unique_ptr<tools::model>> make_model(const std::string& name, tools::io_loop* loop,
                                                 std::uint64_t seed) {
  if (auto built_in = make_policy(name)) return std::unique_ptr<tools::model>(std::move(built_in));
  const auto file = load_model_file(name);
  if (!file) return file.why();
  if (loop == nullptr) {
    return failure{errc::bad_input, "model " + name +
                                        " is reached over HTTP, and this run has no network; use a "
                                        "built-in policy or a recording"};
  }
  return make_model(*file, *loop, seed);
}

result<std::unique_ptr<tools::model>> make_model(const model_file& declared, tools::io_loop& loop,
                                                 std::uint64_t seed) {
  auto key = read_key(declared);
  if (!key) return key.why();
  return tools::make_openai_model(loop, to_options(declared, std::move(*key), seed));
}

} // namespace remed::agents

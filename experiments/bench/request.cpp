#include "experiments/bench/request.hpp"

#include "agents/models.hpp"
#include "agents/policies/policy.hpp"
#include "runtime/config.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <ctime>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

failure bad(const std::string& what) {
  return {errc::bad_input, what};
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool was_given(const bench_arguments& a, const std::string& option) {
  return std::find(a.given.begin(), a.given.end(), option) != a.given.end();
}

/// runs/20261122-101500-easy, or the next free name.
fs::path fresh_folder(const std::string& suite) {
  const auto now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &utc);
  const auto stem = fs::path("runs") / (std::string(stamp) + "-" + fs::path(suite).stem().string());
  auto name = stem;
  std::error_code ec;
  for (int n = 2; fs::exists(name, ec); ++n) name = stem.string() + "-" + std::to_string(n);
  return name;
}

result<void> read_limits(const bench_arguments& a, sitting& sit) {
  if (!a.deadline.empty()) {
    auto limit = parse_duration(a.deadline);
    if (!limit) return std::move(limit).why().in("--deadline");
    sit.deadline_s = *limit;
  }
  if (!a.max_cost.empty()) {
    auto most = parse_money(a.max_cost);
    if (!most) return std::move(most).why().in("--max-cost");
    sit.max_cost = *most;
  }
  for (std::size_t at = 0; !a.retry.empty() && at <= a.retry.size();) {
    const auto end = std::min(a.retry.find(',', at), a.retry.size());
    const auto word = a.retry.substr(at, end - at);
    if (word != "failed" && word != "infra") {
      return bad("--retry: \"" + word + "\" is neither failed nor infra");
    }
    (word == "failed" ? sit.retry_failed : sit.retry_infra) = true;
    at = end + 1;
  }
  return {};
}

/// MicroRemed's names for what we have other names for.
result<void> translate(const bench_arguments& a, bench_order& order) {
  const auto& old = a.old;
  auto& request = order.request;
  if (old.experiments || !old.experiment_path.empty()) {
    request.suites = {old.experiment_path.empty() ? "random:" + std::to_string(*old.experiments)
                                                  : list_of_kinds(old.experiment_path)};
    if (!was_given(a, "--system") && a.manifests.empty()) request.systems = {"train-ticket"};
  }
  if (!old.env.empty()) request.systems = {old.env};
  if (!old.remediate_method.empty()) request.methods = {lower(old.remediate_method)};
  order.conditions.name_space = old.name_space;
  order.conditions.wait_interval_s = old.wait_interval_s.value_or(0);
  order.conditions.injection_timeout_s = old.injection_timeout_s.value_or(0);
  const auto strict = lower(old.strict_restart);
  if (strict == "true" || strict == "1" || strict == "yes")
    order.strict_restart = true;
  else if (!strict.empty() && strict != "false" && strict != "0" && strict != "no")
    return bad("--enable-strict-restart: \"" + old.strict_restart + "\" is neither True nor False");
  return {};
}

/// What was not said when a bench is resumed is as it was.
void keep_what_was_not_said(const bench_arguments& a, const bench_manifest& then,
                            bench_order& order) {
  const auto now_request = order.request;
  const auto now = order.conditions;
  order.request = then.request;
  order.conditions = then.conditions;
  auto said = [&](std::initializer_list<const char*> options, auto apply) {
    for (const auto* option : options) {
      if (was_given(a, option)) return apply();
    }
  };
  auto& r = order.request;
  auto& c = order.conditions;
  said({"--suite", "--experiments", "--experiment-path"}, [&] { r.suites = now_request.suites; });
  said({"--system", "--manifests", "--env"}, [&] { r.systems = now_request.systems; });
  said({"--method", "--remediate-method"}, [&] { r.methods = now_request.methods; });
  said({"--model"}, [&] { r.models = now_request.models; });
  said({"--seeds"}, [&] { r.seeds = now_request.seeds; });
  said({"--tools"}, [&] { c.tools = now.tools; });
  said({"--sandbox"}, [&] { c.sandbox = now.sandbox; });
  said({"--ansible"}, [&] { c.ansible = now.ansible; });
  said({"--visibility"}, [&] { c.visibility = now.visibility; });
  said({"--verdict"}, [&] { c.verdict = now.verdict; });
  said({"--time-scale"}, [&] { c.time_scale = now.time_scale; });
  said({"--t-max"}, [&] { c.t_max = now.t_max; });
  said({"--namespace"}, [&] { c.name_space = now.name_space; });
  said({"--wait-interval"}, [&] { c.wait_interval_s = now.wait_interval_s; });
  said({"--injection-timeout"}, [&] { c.injection_timeout_s = now.injection_timeout_s; });
}

result<fs::path> folder_of(const bench_arguments& a) {
  const fs::path named = a.resume.empty() ? a.common.out : a.resume;
  if (!a.resume.empty() && !a.common.out.empty() && fs::path(a.common.out) != named) {
    return bad("--resume " + a.resume + " and --out " + a.common.out + " name different folders");
  }
  if (!named.empty()) return named;
  return bad("--resume and --retry need the bench's folder: --resume DIR");
}

} // namespace

result<double> parse_duration(const std::string& text) {
  double sum = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    double n = 0;
    const auto [after, ec] = std::from_chars(at, end, n);
    if (ec != std::errc{} || n < 0) break;
    const char unit = after < end ? *after : 's';
    const double factor = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
    if (factor == 0) break;
    sum += n * factor;
    at = after < end ? after + 1 : after;
  }
  if (text.empty() || at != end || sum <= 0) {
    return bad("\"" + text + "\" is no duration, as 90s, 30m and 1h30m are");
  }
  return sum;
}

result<double> parse_money(const std::string& text) {
  auto plain = lower(text);
  if (plain.starts_with("$")) plain.erase(0, 1);
  if (plain.ends_with("usd")) plain.erase(plain.size() - 3);
  double n = 0;
  const auto [after, ec] = std::from_chars(plain.data(), plain.data() + plain.size(), n);
  if (ec != std::errc{} || after != plain.data() + plain.size() || !(n >= 0)) {
    return bad("\"" + text + "\" is no sum in USD, as 5 and 2.50usd are");
  }
  return n;
}

result<void> check_prices(const std::vector<std::string>& models) {
  const auto policies = agents::policy_names();
  for (const auto& name : models) {
    if (std::find(policies.begin(), policies.end(), name) != policies.end()) continue;
    const auto file = agents::load_model_file(name);
    if (!file) return file.why();
    if (file->prices.input >= 0 && file->prices.output >= 0) continue;
    return bad(
        "--max-cost cannot be kept for model " + name +
        ": its file has no prices (prices: {input: …, output: …}, USD for a million tokens)");
  }
  return {};
}

result<bench_order> read_order(const bench_arguments& a) {
  bench_order order;
  auto seeds = parse_seeds(a.seeds);
  if (!seeds) return seeds.why();
  order.request = a.wanted;
  order.request.seeds = *seeds;
  if (!a.manifests.empty()) order.request.systems = {system_of_manifests(a.manifests)};
  auto& c = order.conditions;
  c.tools = a.common.tools;
  c.sandbox = a.common.sandbox;
  c.ansible = a.common.ansible;
  c.visibility = a.common.visibility;
  c.time_scale = a.common.time_scale;
  c.t_max = a.common.t_max;
  c.verdict = a.verdict;
  auto translated = translate(a, order);
  if (!translated) return translated.why();
  order.sit.quiet = a.common.quiet;
  auto limits = read_limits(a, order.sit);
  if (!limits) return limits.why();
  order.sit.resume = a.resume_given || !a.retry.empty();
  if (!order.sit.resume) {
    order.folder =
        a.common.out.empty() ? fresh_folder(order.request.suites.front()) : fs::path(a.common.out);
  } else {
    auto folder = folder_of(a);
    if (!folder) return folder.why();
    order.folder = *folder;
    auto then = load_manifest(order.folder);
    if (!then) return then.why();
    keep_what_was_not_said(a, *then, order);
  }
  if (order.sit.max_cost) {
    auto priced = check_prices(order.request.models);
    if (!priced) return priced.why();
  }
  return order;
}

} // namespace remed::experiments

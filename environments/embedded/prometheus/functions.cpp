#include "environments/embedded/prometheus/functions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace remed::env::prometheus {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::map<std::string, signature> make_signatures() {
  using t = value_type;
  std::map<std::string, signature> out;
  for (const auto* name : {"rate", "irate", "increase", "delta", "idelta", "changes", "resets",
                           "deriv", "avg_over_time", "min_over_time", "max_over_time",
                           "sum_over_time", "count_over_time", "last_over_time", "stddev_over_time",
                           "stdvar_over_time", "present_over_time", "absent_over_time"})
    out[name] = {{t::range}, t::instant, 1};
  for (const auto* name : {"abs", "ceil", "floor", "sqrt", "exp", "ln", "log2", "log10", "sgn",
                           "sort", "sort_desc", "absent", "timestamp"})
    out[name] = {{t::instant}, t::instant, 1};
  for (const auto* name : {"clamp_max", "clamp_min"})
    out[name] = {{t::instant, t::scalar}, t::instant, 2};
  out["quantile_over_time"] = {{t::scalar, t::range}, t::instant, 2};
  out["clamp"] = {{t::instant, t::scalar, t::scalar}, t::instant, 3};
  out["round"] = {{t::instant, t::scalar}, t::instant, 1};
  out["histogram_quantile"] = {{t::scalar, t::instant}, t::instant, 2};
  out["label_replace"] = {{t::instant, t::text, t::text, t::text, t::text}, t::instant, 5};
  out["scalar"] = {{t::instant}, t::scalar, 1};
  out["vector"] = {{t::scalar}, t::instant, 1};
  out["time"] = {{}, t::scalar, 0};
  return out;
}

/// As Prometheus' extrapolatedRate: the change of the samples, stretched to the window's edges
/// where these are near enough to hold the next samples.
std::optional<double> extrapolated(const std::vector<sample>& s, double from, double to,
                                   bool counter, bool per_second) {
  if (s.size() < 2) return std::nullopt;
  auto change = s.back().value - s.front().value;
  for (std::size_t i = 1; counter && i < s.size(); ++i) {
    if (s[i].value < s[i - 1].value) change += s[i - 1].value;
  }
  auto sampled = s.back().at - s.front().at;
  auto apart = sampled / static_cast<double>(s.size() - 1);
  auto before = s.front().at - from, after = to - s.back().at;
  if (before >= apart * 1.1) before = apart / 2;
  if (counter && change > 0 && s.front().value >= 0)
    before = std::min(before, sampled * (s.front().value / change));
  if (after >= apart * 1.1) after = apart / 2;
  auto out = change * (sampled + before + after) / sampled;
  return per_second ? out / (to - from) : out;
}

std::optional<double> last_two(const std::vector<sample>& s, bool counter) {
  if (s.size() < 2) return std::nullopt;
  const auto &a = s[s.size() - 2], &b = s.back();
  auto reset = counter && b.value < a.value;
  auto change = reset ? b.value : b.value - a.value;
  return counter ? change / (b.at - a.at) : change;
}

double variance(const std::vector<sample>& s) {
  double mean = 0, sum = 0;
  for (const auto& one : s) mean += one.value / static_cast<double>(s.size());
  for (const auto& one : s) sum += (one.value - mean) * (one.value - mean);
  return sum / static_cast<double>(s.size());
}

/// Slope of the least-squares line.
std::optional<double> slope(const std::vector<sample>& s) {
  if (s.size() < 2) return std::nullopt;
  double n = static_cast<double>(s.size()), x = 0, y = 0, xy = 0, xx = 0;
  for (const auto& one : s) {
    auto t = one.at - s.front().at;
    x += t;
    y += one.value;
    xy += t * one.value;
    xx += t * t;
  }
  return (xy - x * y / n) / (xx - x * x / n);
}

double count_steps(const std::vector<sample>& s, bool only_down) {
  double out = 0;
  for (std::size_t i = 1; i < s.size(); ++i) {
    out += only_down ? s[i].value < s[i - 1].value : s[i].value != s[i - 1].value;
  }
  return out;
}

} // namespace

const signature* signature_of(const std::string& function) {
  static const auto all = make_signatures();
  auto found = all.find(function);
  return found == all.end() ? nullptr : &found->second;
}

bool is_aggregate(const std::string& name) {
  static const std::set<std::string> all{"sum",    "avg",    "min",  "max",     "count",   "group",
                                         "stddev", "stdvar", "topk", "bottomk", "quantile"};
  return all.count(name) > 0;
}

bool takes_parameter(const std::string& aggregate) {
  return aggregate == "topk" || aggregate == "bottomk" || aggregate == "quantile";
}

std::optional<double> over_range(const std::string& f, const std::vector<sample>& s, double from,
                                 double to, double parameter) {
  if (f == "rate" || f == "increase") return extrapolated(s, from, to, true, f == "rate");
  if (f == "delta") return extrapolated(s, from, to, false, false);
  if (f == "irate" || f == "idelta") return last_two(s, f == "irate");
  if (f == "deriv") return slope(s);
  if (s.empty()) return std::nullopt;
  if (f == "changes" || f == "resets") return count_steps(s, f == "resets");
  if (f == "count_over_time") return static_cast<double>(s.size());
  if (f == "last_over_time") return s.back().value;
  if (f == "present_over_time" || f == "absent_over_time") return 1;
  if (f == "stdvar_over_time") return variance(s);
  if (f == "stddev_over_time") return std::sqrt(variance(s));
  std::vector<double> values;
  for (const auto& one : s) values.push_back(one.value);
  if (f == "quantile_over_time") return quantile_of(parameter, values);
  if (f == "min_over_time") return *std::min_element(values.begin(), values.end());
  if (f == "max_over_time") return *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (auto v : values) sum += v;
  return f == "avg_over_time" ? sum / static_cast<double>(values.size()) : sum;
}

double of_value(const std::string& f, double v, const std::vector<double>& p) {
  if (f == "abs") return std::fabs(v);
  if (f == "ceil") return std::ceil(v);
  if (f == "floor") return std::floor(v);
  if (f == "sqrt") return std::sqrt(v);
  if (f == "exp") return std::exp(v);
  if (f == "ln") return std::log(v);
  if (f == "log2") return std::log2(v);
  if (f == "log10") return std::log10(v);
  if (f == "sgn") return v > 0 ? 1 : v < 0 ? -1 : v;
  if (f == "clamp_min") return std::max(v, p[0]);
  if (f == "clamp_max") return std::min(v, p[0]);
  if (f == "clamp") return std::max(p[0], std::min(p[1], v));
  if (f == "round") {
    auto to = p.empty() ? 1 : p[0];
    return std::floor(v / to + 0.5) * to;
  }
  return v;
}

double quantile_of(double q, std::vector<double> values) {
  if (values.empty() || std::isnan(q)) return nan;
  if (q < 0) return -infinity;
  if (q > 1) return infinity;
  std::sort(values.begin(), values.end());
  auto rank = q * static_cast<double>(values.size() - 1);
  auto low = static_cast<std::size_t>(std::floor(rank));
  auto high = std::min(values.size() - 1, low + 1);
  auto weight = rank - std::floor(rank);
  return values[low] * (1 - weight) + values[high] * weight;
}

double histogram_quantile(double q, std::vector<std::pair<double, double>> classes) {
  if (std::isnan(q)) return nan;
  if (q < 0) return -infinity;
  if (q > 1) return infinity;
  std::sort(classes.begin(), classes.end());
  if (classes.size() < 2 || !std::isinf(classes.back().first)) return nan;
  auto total = classes.back().second;
  if (total == 0) return nan;
  auto rank = q * total;
  std::size_t b = 0;
  while (b + 1 < classes.size() && classes[b].second < rank) ++b;
  if (b + 1 == classes.size()) return classes[b - 1].first;
  if (b == 0 && classes[0].first <= 0) return classes[0].first;
  double low = b > 0 ? classes[b - 1].first : 0, below = b > 0 ? classes[b - 1].second : 0;
  auto inside = classes[b].second - below;
  return inside <= 0 ? classes[b].first
                     : low + (classes[b].first - low) * ((rank - below) / inside);
}

} // namespace remed::env::prometheus

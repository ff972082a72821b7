#include "environments/embedded/prometheus/engine.hpp"

#include "environments/embedded/prometheus/binary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace remed::env::prometheus {

namespace {

using kind = expression::kind;
using vector = std::vector<element>;
using matrix = std::vector<series>;
constexpr double default_step_s = 60;

label_set without_name(label_set labels) {
  labels.erase("__name__");
  return labels;
}

/// Fetches, for each selector, all it can ever need.
void fetch(const expression_ptr& e, const source& from_where, double from, double to,
           std::map<const expression*, matrix>& out) {
  if (e->what == kind::selector) {
    auto back = e->range_s > 0 ? e->range_s : lookback_s;
    out[e.get()] = from_where(e->name, e->matchers, from - e->offset_s - back, to - e->offset_s);
    return;
  }
  auto earlier = e->what == kind::subquery ? e->range_s + e->offset_s : 0.0;
  auto later = e->what == kind::subquery ? e->offset_s : 0.0;
  for (const auto& part : e->parts) fetch(part, from_where, from - earlier, to - later, out);
}

class evaluator {
public:
  explicit evaluator(const std::map<const expression*, matrix>& fetched) : fetched_(fetched) {}

  value of(const expression& e, double t) const {
    switch (e.what) {
      case kind::number:
        return e.number;
      case kind::text:
        return e.name;
      case kind::selector:
        return e.range_s > 0 ? value(within(e, t)) : value(latest(e, t));
      case kind::subquery:
        return subquery(e, t);
      case kind::call:
        return call(e, t);
      case kind::aggregate:
        return aggregate(e, t);
      case kind::binary:
        return combine(e, of(*e.parts[0], t), of(*e.parts[1], t));
      case kind::negation:
        break;
    }
    auto inner = of(*e.parts[0], t);
    if (auto* number = std::get_if<double>(&inner)) return -*number;
    for (auto& one : std::get<vector>(inner)) {
      one.value = -one.value;
      one.labels.erase("__name__");
    }
    return inner;
  }

private:
  double number(const expression& e, double t) const { return std::get<double>(of(e, t)); }
  std::string text(const expression& e, double t) const { return std::get<std::string>(of(e, t)); }

  vector latest(const expression& e, double t) const {
    vector out;
    t -= e.offset_s;
    for (const auto& one : fetched_.at(&e)) {
      auto after = std::upper_bound(one.samples.begin(), one.samples.end(), t,
                                    [](double at, const sample& s) { return at < s.at; });
      if (after == one.samples.begin()) continue;
      const auto& last = *std::prev(after);
      if (last.at > t - lookback_s) out.push_back({one.labels, last.value});
    }
    return out;
  }

  matrix within(const expression& e, double t) const {
    matrix out;
    auto to = t - e.offset_s, from = to - e.range_s;
    for (const auto& one : fetched_.at(&e)) {
      series part{one.labels, {}};
      auto by_time = [](double at, const sample& s) { return at < s.at; };
      auto first = std::upper_bound(one.samples.begin(), one.samples.end(), from, by_time);
      auto last = std::upper_bound(first, one.samples.end(), to, by_time);
      part.samples.assign(first, last);
      if (!part.samples.empty()) out.push_back(std::move(part));
    }
    return out;
  }

  matrix subquery(const expression& e, double t) const {
    auto step = e.step_s > 0 ? e.step_s : default_step_s;
    auto to = t - e.offset_s, from = to - e.range_s;
    if ((to - from) / step > most_points)
      throw query_error{"subquery has more than 11,000 points; use a larger step"};
    std::map<label_set, series> out;
    for (auto at = std::floor(from / step) * step + step; at <= to; at += step) {
      auto here = of(*e.parts[0], at);
      for (const auto& one : std::get<vector>(here)) {
        auto& s = out[one.labels];
        s.labels = one.labels;
        s.samples.push_back({at, one.value});
      }
    }
    matrix all;
    for (auto& [labels, one] : out) all.push_back(std::move(one));
    return all;
  }

  /// Functions of a range vector: the one argument of that type, and a number before it.
  vector over(const expression& e, double t) const {
    vector out;
    const auto& range = *e.parts.back();
    auto parameter = e.parts.size() > 1 ? number(*e.parts[0], t) : 0;
    auto to = t - range.offset_s;
    auto all = of(range, t);
    auto keeps_name = e.name == "last_over_time";
    for (const auto& one : std::get<matrix>(all)) {
      auto v = over_range(e.name, one.samples, to - range.range_s, to, parameter);
      if (v) out.push_back({keeps_name ? one.labels : without_name(one.labels), *v});
    }
    if (e.name != "absent_over_time") return out;
    return out.empty() ? vector{{known_labels(range), 1}} : vector{};
  }

  /// The labels a selector fixes: those of what is absent.
  static label_set known_labels(const expression& e) {
    label_set out;
    std::set<std::string> twice;
    for (const auto& m : e.matchers) {
      if (out.count(m.label)) twice.insert(m.label);
      if (m.how == matcher::op::equal && m.label != "__name__") out[m.label] = m.value;
    }
    for (const auto& label : twice) out.erase(label);
    return out;
  }

  value call(const expression& e, double t) const {
    const auto& f = e.name;
    if (f == "time") return t;
    if (f == "vector") return vector{{{}, number(*e.parts[0], t)}};
    if (e.parts.back()->type == value_type::range) return over(e, t);
    auto first = of(*e.parts[f == "histogram_quantile" ? 1 : 0], t);
    auto& in = std::get<vector>(first);
    if (f == "scalar")
      return in.size() == 1 ? in[0].value : std::numeric_limits<double>::quiet_NaN();
    if (f == "absent") return in.empty() ? vector{{known_labels(*e.parts[0]), 1}} : vector{};
    if (f == "histogram_quantile") return histogram(number(*e.parts[0], t), in);
    if (f == "label_replace") return label_replace(e, std::move(in), t);
    if (f == "sort" || f == "sort_desc") {
      std::stable_sort(in.begin(), in.end(), [&](const element& a, const element& b) {
        return f == "sort" ? a.value < b.value : a.value > b.value;
      });
      return in;
    }
    std::vector<double> parameters;
    for (std::size_t i = 1; i < e.parts.size(); ++i) parameters.push_back(number(*e.parts[i], t));
    for (auto& one : in) {
      one.value = f == "timestamp" ? t : of_value(f, one.value, parameters);
      one.labels.erase("__name__");
    }
    return in;
  }

  static vector histogram(double q, const vector& in) {
    std::map<label_set, std::vector<std::pair<double, double>>> groups;
    for (const auto& one : in) {
      auto labels = without_name(one.labels);
      auto bound = labels.find("le");
      if (bound == labels.end()) continue;
      auto le = bound->second == "+Inf" ? HUGE_VAL : std::strtod(bound->second.c_str(), nullptr);
      labels.erase(bound);
      groups[labels].emplace_back(le, one.value);
    }
    vector out;
    for (auto& [labels, classes] : groups)
      out.push_back({labels, histogram_quantile(q, std::move(classes))});
    return out;
  }

  vector label_replace(const expression& e, vector in, double t) const {
    auto to = text(*e.parts[1], t), with = text(*e.parts[2], t);
    auto from = text(*e.parts[3], t), pattern = text(*e.parts[4], t);
    std::regex expected;
    try {
      expected = std::regex(pattern);
    } catch (const std::regex_error&) {
      throw query_error{"invalid regular expression in label_replace(): " + pattern};
    }
    for (auto& one : in) {
      auto found = one.labels.find(from);
      auto source_text = found == one.labels.end() ? std::string{} : found->second;
      std::smatch parts;
      if (!std::regex_match(source_text, parts, expected)) continue;
      auto made = parts.format(with);
      if (made.empty())
        one.labels.erase(to);
      else
        one.labels[to] = made;
    }
    return in;
  }

  vector aggregate(const expression& e, double t) const {
    auto all = of(*e.parts.back(), t);
    auto parameter = e.parts.size() > 1 ? number(*e.parts[0], t) : 0;
    std::map<label_set, vector> groups;
    for (auto& one : std::get<vector>(all)) {
      auto key = e.labelled ? reduced(one.labels, e.labels, e.inverted) : label_set{};
      groups[key].push_back(std::move(one));
    }
    vector out;
    for (auto& [labels, members] : groups) {
      if (e.name == "topk" || e.name == "bottomk") {
        pick(std::move(members), parameter, e.name == "topk", out);
      } else {
        out.push_back({labels, folded(e.name, members, parameter)});
      }
    }
    return out;
  }

  static void pick(vector members, double k, bool top, vector& out) {
    std::stable_sort(members.begin(), members.end(), [&](const element& a, const element& b) {
      return top ? a.value > b.value : a.value < b.value;
    });
    auto n = k < 1 ? 0 : static_cast<std::size_t>(std::min(k, 1e6));
    members.resize(std::min(members.size(), n));
    for (auto& one : members) out.push_back(std::move(one));
  }

  static double folded(const std::string& op, const vector& members, double parameter) {
    std::vector<double> values;
    double sum = 0;
    for (const auto& one : members) {
      values.push_back(one.value);
      sum += one.value;
    }
    auto n = static_cast<double>(values.size());
    if (op == "sum") return sum;
    if (op == "avg") return sum / n;
    if (op == "count") return n;
    if (op == "group") return 1;
    if (op == "min") return *std::min_element(values.begin(), values.end());
    if (op == "max") return *std::max_element(values.begin(), values.end());
    if (op == "quantile") return quantile_of(parameter, values);
    double squares = 0;
    for (auto v : values) squares += (v - sum / n) * (v - sum / n);
    return op == "stdvar" ? squares / n : std::sqrt(squares / n);
  }

  const std::map<const expression*, matrix>& fetched_;
};

} // namespace

engine::engine(expression_ptr query, source from_where, double from, double to)
    : query_(std::move(query)) {
  fetch(query_, from_where, from, to, fetched_);
}

result<value> engine::at(double instant) const {
  try {
    return evaluator(fetched_).of(*query_, instant);
  } catch (const query_error& e) {
    return failure{errc::failed, e.what};
  }
}

} // namespace remed::env::prometheus

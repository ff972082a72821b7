#include "environments/embedded/prometheus/endpoint.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/prometheus/engine.hpp"
#include "environments/embedded/prometheus/metrics_source.hpp"
#include "tools/http.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>

namespace remed::env::prometheus {

namespace {

/// Thrown by what reads a request; becomes an error answer.
struct refusal {
  int status;
  std::string type, what;
};

double instant(vtime t) {
  return seconds(t.time_since_epoch());
}

answer success(json data) {
  auto out = json::object();
  out["status"] = "success";
  out["data"] = std::move(data);
  return {200, out.dump()};
}

answer refused(const refusal& r) {
  auto out = json::object();
  out["status"] = "error";
  out["errorType"] = r.type;
  out["error"] = r.what;
  return {r.status, out.dump()};
}

/// As Go writes a float64 with the fewest digits.
std::string number_text(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  char out[400];
  auto end = std::to_chars(out, out + sizeof out, v, std::chars_format::fixed).ptr;
  return {out, end};
}

json point(double at, double v) {
  auto when = std::floor(at) == at ? json(static_cast<std::int64_t>(at))
                                   : json(std::round(at * 1000) / 1000);
  return json::array({std::move(when), number_text(v)});
}

class request {
public:
  request(const cluster& c, const std::string& target) : c_(c), now_(instant(c.now())) {
    auto mark = target.find('?');
    path_ = target.substr(0, mark);
    if (mark != std::string::npos) given_ = tools::query_params::parse(target.substr(mark + 1));
  }

  answer serve() const {
    if (path_ == "/api/v1/query") return query();
    if (path_ == "/api/v1/query_range") return range();
    if (path_ == "/api/v1/series") return all_series();
    if (path_ == "/api/v1/labels") return labels();
    const std::string head = "/api/v1/label/", tail = "/values";
    if (path_.rfind(head, 0) == 0 && path_.ends_with(tail) &&
        path_.size() > head.size() + tail.size())
      return label_values(path_.substr(head.size(), path_.size() - head.size() - tail.size()));
    if (path_ == "/-/healthy") return {200, "Prometheus Server is Healthy.\n", "text/plain"};
    if (path_ == "/-/ready") return {200, "Prometheus Server is Ready.\n", "text/plain"};
    if (path_ == "/api/v1/status/buildinfo") return success({{"version", "2.53.0"}});
    return {404, "404 page not found\n", "text/plain"};
  }

private:
  const std::string* find(const std::string& name) const {
    for (const auto& [key, text] : given_.items()) {
      if (key == name) return &text;
    }
    return nullptr;
  }

  [[noreturn]] static void invalid(const std::string& parameter, const std::string& why) {
    throw refusal{400, "bad_data", "invalid parameter \"" + parameter + "\": " + why};
  }

  double time(const std::string& name, std::optional<double> otherwise) const {
    const auto* text = find(name);
    if (!text || text->empty()) {
      if (otherwise) return *otherwise;
      invalid(name, "cannot parse \"\" to a valid timestamp");
    }
    char* end = nullptr;
    auto v = std::strtod(text->c_str(), &end);
    if (end && *end == 0 && std::isfinite(v)) return v;
    if (auto stamp = parse_time(*text)) return instant(*stamp);
    invalid(name, "cannot parse \"" + *text + "\" to a valid timestamp");
  }

  expression_ptr parsed(const std::string& parameter) const {
    const auto* text = find(parameter);
    auto query = parse_query(text ? *text : "");
    if (!query) invalid(parameter, query.why().what);
    return *query;
  }

  source figures() const {
    return [this](const std::string& metric, const std::vector<matcher>& matchers, double from,
                  double to) { return series_of(c_, metric, matchers, from, to); };
  }

  static value evaluated(const engine& e, double at) {
    auto v = e.at(at);
    if (!v) throw refusal{422, "execution", v.why().what};
    return std::move(*v);
  }

  answer query() const {
    auto at = time("time", now_);
    auto expression = parsed("query");
    auto v = evaluated(engine(expression, figures(), at, at), at);
    auto data = json::object();
    if (const auto* scalar = std::get_if<double>(&v)) {
      data["resultType"] = "scalar";
      data["result"] = point(at, *scalar);
    } else if (const auto* text = std::get_if<std::string>(&v)) {
      data["resultType"] = "string";
      data["result"] = json::array({at, *text});
    } else if (const auto* vector = std::get_if<std::vector<element>>(&v)) {
      data["resultType"] = "vector";
      data["result"] = json::array();
      for (const auto& one : *vector)
        data["result"].push_back({{"metric", json(one.labels)}, {"value", point(at, one.value)}});
    } else {
      data["resultType"] = "matrix";
      data["result"] = matrix(std::get<std::vector<series>>(v));
    }
    return success(std::move(data));
  }

  static json matrix(const std::vector<series>& all) {
    auto out = json::array();
    for (const auto& one : all) {
      auto points = json::array();
      for (const auto& s : one.samples) points.push_back(point(s.at, s.value));
      out.push_back({{"metric", json(one.labels)}, {"values", std::move(points)}});
    }
    return out;
  }

  double step() const {
    const auto* text = find("step");
    if (!text || text->empty()) invalid("step", "cannot parse \"\" to a valid duration");
    auto out = parse_duration(*text);
    if (!out) invalid("step", "cannot parse \"" + *text + "\" to a valid duration");
    if (*out <= 0)
      invalid("step",
              "zero or negative query resolution step widths are not accepted. Try a "
              "positive integer");
    return *out;
  }

  answer range() const {
    auto start = time("start", {}), end = time("end", {});
    if (end < start) invalid("end", "end timestamp must not be before start time");
    auto by = step();
    if ((end - start) / by > most_points)
      throw refusal{400, "bad_data",
                    "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
                    "the query resolution (?step=XX)"};
    auto expression = parsed("query");
    if (expression->type != value_type::scalar && expression->type != value_type::instant)
      invalid("query", std::string("invalid expression type \"") +
                           (expression->type == value_type::text ? "string" : "range vector") +
                           "\" for range query, must be Scalar or instant Vector");
    engine e(expression, figures(), start, end);
    std::map<label_set, series> out;
    for (int i = 0; start + i * by <= end; ++i) {
      auto at = start + i * by;
      auto v = evaluated(e, at);
      if (const auto* scalar = std::get_if<double>(&v)) v = std::vector<element>{{{}, *scalar}};
      for (auto& one : std::get<std::vector<element>>(v)) {
        auto& s = out[one.labels];
        s.labels = one.labels;
        s.samples.push_back({at, one.value});
      }
    }
    std::vector<series> all;
    for (auto& [labels, one] : out) all.push_back(std::move(one));
    auto data = json::object();
    data["resultType"] = "matrix";
    data["result"] = matrix(all);
    return success(std::move(data));
  }

  /// The series the match[] parameters name; without one, all.
  std::vector<series> matched(bool needed) const {
    std::vector<series> out;
    bool any = false;
    auto from = time("start", now_ - retention_s), to = time("end", now_);
    for (const auto& [key, text] : given_.items()) {
      if (key != "match[]") continue;
      any = true;
      auto expression = parse_query(text);
      if (!expression) invalid("match[]", expression.why().what);
      if ((*expression)->what != expression::kind::selector)
        invalid("match[]", "1:1: parse error: unexpected expression, expected a vector selector");
      auto found = series_of(c_, (*expression)->name, (*expression)->matchers, from, to);
      for (auto& one : found) out.push_back(std::move(one));
    }
    if (!any && needed) throw refusal{400, "bad_data", "no match[] parameter provided"};
    return any ? out : series_of(c_, "", {}, std::max(from, now_ - lookback_s), to);
  }

  answer all_series() const {
    auto out = json::array();
    for (const auto& one : matched(true)) out.push_back(json(one.labels));
    return success(std::move(out));
  }

  answer labels() const {
    std::set<std::string> names;
    for (const auto& one : matched(false)) {
      for (const auto& [label, text] : one.labels) names.insert(label);
    }
    return success(json(names));
  }

  answer label_values(const std::string& label) const {
    std::set<std::string> values;
    for (const auto& one : matched(false)) {
      auto found = one.labels.find(label);
      if (found != one.labels.end()) values.insert(found->second);
    }
    return success(json(values));
  }

  const cluster& c_;
  double now_;
  std::string path_;
  tools::query_params given_;
};

} // namespace

answer respond(const cluster& c, const std::string& target) {
  try {
    return request(c, target).serve();
  } catch (const refusal& r) {
    return refused(r);
  }
}

bool is_server(const json& pod) {
  return text_at(pod, {"metadata", "namespace"}) == service_namespace &&
         text_at(pod, {"metadata", "labels", "app.kubernetes.io/name"}) == service_name;
}

std::vector<json> service_manifests() {
  auto all = json::parse(R"([
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring"}},
    {"apiVersion": "v1", "kind": "Service",
     "metadata": {"name": "prometheus", "namespace": "monitoring",
                  "labels": {"app.kubernetes.io/name": "prometheus"}},
     "spec": {"selector": {"app.kubernetes.io/name": "prometheus"},
              "ports": [{"name": "web", "port": 9090, "protocol": "TCP"}]}},
    {"apiVersion": "apps/v1", "kind": "StatefulSet",
     "metadata": {"name": "prometheus", "namespace": "monitoring",
                  "labels": {"app.kubernetes.io/name": "prometheus"}},
     "spec": {"serviceName": "prometheus", "replicas": 1,
              "selector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
              "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "prometheus"}},
                "spec": {"containers": [
                  {"name": "prometheus", "image": "quay.io/prometheus/prometheus:v2.53.3",
                   "ports": [{"name": "web", "containerPort": 9090}],
                   "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}}]}}}}])");
  return {all[0], all[1], all[2]};
}

} // namespace remed::env::prometheus

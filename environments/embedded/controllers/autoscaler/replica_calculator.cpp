#include "environments/embedded/controllers/autoscaler/replica_calculator.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/metrics.hpp"

#include <cmath>
#include <map>
#include <set>

namespace remed::env {

namespace {

constexpr double tolerance = 0.1;
constexpr duration initialization = std::chrono::minutes{5}; // CPU of starting pods says little
constexpr duration readiness_delay = std::chrono::seconds{30};
constexpr duration window = std::chrono::seconds{15};

double quantity(const json& value) {
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get_ref<const std::string&>()).value_or(0) : 0;
}

/// A metric as the calculation sees it.
struct wanted_metric {
  std::string resource, container;
  double utilization = 0; ///< percent of the request; zero: `average` counts
  double average = 0;     ///< base units a pod
};

struct sample {
  double value = 0;
  vtime at{};
};

struct pod_groups {
  std::map<std::string, double> metrics; ///< of pods that count
  std::set<std::string> missing, unready;
  std::int64_t ready = 0;
};

std::map<std::string, sample> samples(const cluster& c, const std::string& ns,
                                      const wanted_metric& m) {
  std::map<std::string, sample> out;
  for (const auto& item : pod_metrics(c, ns)) {
    sample s;
    bool any = false;
    s.at = parse_time(text_at(item, {"timestamp"})).value_or(c.now());
    for (const auto& one : at_path(item, {"containers"})) {
      if (!m.container.empty() && text_at(one, {"name"}) != m.container) continue;
      s.value += quantity(at_path(one, {"usage", m.resource}));
      any = true;
    }
    if (any) out[text_at(item, {"metadata", "name"})] = s;
  }
  return out;
}

bool is_unready(const cluster& c, const json& pod, const sample& s) {
  const auto& ready = condition_of(pod, "Ready");
  auto start = parse_time(text_at(pod, {"status", "startTime"}));
  if (ready.is_null() || !start) return true;
  auto since = parse_time(text_at(ready, {"lastTransitionTime"})).value_or(*start);
  bool no = text_at(ready, {"status"}) == "False";
  if (*start + initialization > c.now()) return no || s.at < since + window;
  return no && *start + readiness_delay > since;
}

pod_groups group(const cluster& c, const std::vector<object>& pods,
                 const std::map<std::string, sample>& all, const wanted_metric& m) {
  pod_groups out;
  for (const auto& pod : pods) {
    auto phase = text_at(*pod, {"status", "phase"});
    auto name = text_at(*pod, {"metadata", "name"});
    if (is_deleting(*pod) || phase == "Failed") continue;
    auto found = all.find(name);
    if (phase == "Pending") {
      out.unready.insert(name);
    } else if (found == all.end()) {
      out.missing.insert(name);
    } else if (m.resource == "cpu" && is_unready(c, *pod, found->second)) {
      out.unready.insert(name);
    } else {
      ++out.ready;
      out.metrics[name] = found->second.value;
    }
  }
  return out;
}

/// Requests by pod; a container without one makes a utilization meaningless.
result<std::map<std::string, double>> requests_of(const std::vector<object>& pods,
                                                  const wanted_metric& m) {
  std::map<std::string, double> out;
  for (const auto& pod : pods) {
    auto name = text_at(*pod, {"metadata", "name"});
    for (const auto& one : at_path(*pod, {"spec", "containers"})) {
      if (!m.container.empty() && text_at(one, {"name"}) != m.container) continue;
      const auto& value = at_path(one, {"resources", "requests", m.resource});
      if (value.is_null()) {
        return failure{errc::refused, "missing request for " + m.resource + " in container " +
                                          text_at(one, {"name"}) + " of Pod " + name};
      }
      out[name] += quantity(value);
    }
  }
  return out;
}

class calculation {
public:
  calculation(const wanted_metric& m, std::map<std::string, double> requests)
      : m_(m), requests_(std::move(requests)) {}

  double ratio(const std::map<std::string, double>& metrics) const {
    double used = 0, base = 0;
    for (const auto& [pod, value] : metrics) {
      used += value;
      base += by_request() ? request(pod) * m_.utilization / 100 : m_.average;
    }
    return base > 0 ? used / base : 0;
  }
  double request(const std::string& pod) const {
    auto found = requests_.find(pod);
    return found == requests_.end() ? 0 : found->second;
  }
  bool by_request() const { return m_.utilization > 0; }
  /// What a pod without a metric is taken to use when that is meant to prevent scaling down.
  double fallback(const std::string& pod) const {
    return by_request() ? request(pod) * std::max(100.0, m_.utilization) / 100 : m_.average;
  }

  std::int64_t replicas(pod_groups g, std::int64_t current) const {
    auto r = ratio(g.metrics);
    bool with_unready = !g.unready.empty() && r > 1;
    if (!with_unready && g.missing.empty()) {
      if (std::abs(1 - r) <= tolerance) return current;
      return up(r * static_cast<double>(g.ready));
    }
    for (const auto& pod : g.missing) {
      if (r < 1) g.metrics[pod] = fallback(pod);
      if (r > 1) g.metrics[pod] = 0;
    }
    if (with_unready) {
      for (const auto& pod : g.unready) g.metrics[pod] = 0;
    }
    auto again = ratio(g.metrics);
    if (std::abs(1 - again) <= tolerance || (r < 1 && again > 1) || (r > 1 && again < 1))
      return current;
    auto n = up(again * static_cast<double>(g.metrics.size()));
    bool against = (again < 1 && n > current) || (again > 1 && n < current);
    return against ? current : n;
  }

private:
  /// Rounding up without being fooled by the last bits.
  static std::int64_t up(double x) { return static_cast<std::int64_t>(std::ceil(x - 1e-9)); }

  const wanted_metric& m_;
  std::map<std::string, double> requests_;
};

json status_of(const std::string& type, const wanted_metric& m, double used, double base,
               std::size_t pods) {
  auto current = json::object();
  if (m.utilization > 0) {
    current["averageUtilization"] = base > 0 ? static_cast<std::int64_t>(used * 100 / base) : 0;
  }
  auto average = pods ? used / static_cast<double>(pods) : 0;
  current["averageValue"] = decimal_quantity(m.resource == "cpu" ? std::floor(average * 1000) / 1000
                                                                 : std::floor(average));
  auto one = json::object();
  one["name"] = m.resource;
  one["current"] = std::move(current);
  if (!m.container.empty()) one["container"] = m.container;
  auto out = json::object();
  out["type"] = type;
  out[type == "Resource" ? "resource" : "containerResource"] = std::move(one);
  return out;
}

failure in_words(const wanted_metric& m, const std::string& why) {
  auto what = "failed to get " + m.resource + (m.utilization > 0 ? " utilization: " : " usage: ");
  return {errc::refused, what + why};
}

/// Metrics that no one serves here.
failure unserved(const json& metric, const std::string& ns) {
  auto type = text_at(metric, {"type"});
  if (type == "External") {
    return {errc::refused,
            "unable to get external metric " + ns + "/" +
                text_at(metric, {"external", "metric", "name"}) +
                "/nil: unable to fetch metrics from external metrics API: no external metrics API "
                "(external.metrics.k8s.io) registered"};
  }
  auto name = text_at(metric, {type == "Object" ? "object" : "pods", "metric", "name"});
  return {errc::refused, "unable to get metric " + name +
                             ": unable to fetch metrics from custom metrics API: no custom metrics "
                             "API (custom.metrics.k8s.io) registered"};
}

} // namespace

std::string metric_failure_reason(const json& metric) {
  return "FailedGet" + text_at(metric, {"type"}) + "Metric";
}

result<replica_proposal> propose_replicas(const cluster& c, const json& metric,
                                          const std::string& ns, const json& selector,
                                          std::int64_t current) {
  auto type = text_at(metric, {"type"});
  if (type != "Resource" && type != "ContainerResource") return unserved(metric, ns);
  const auto& source = at_path(metric, {type == "Resource" ? "resource" : "containerResource"});
  wanted_metric m;
  m.resource = text_at(source, {"name"});
  m.container = text_at(source, {"container"});
  m.utilization = quantity(at_path(source, {"target", "averageUtilization"}));
  m.average = quantity(at_path(source, {"target", "averageValue"}));
  const auto pods = c.objects().list("pods", ns).where([&](const auto& pod) {
    return selects(selector, at_path(*pod, {"metadata", "labels"}));
  });
  auto all = samples(c, ns, m);
  std::erase_if(all, [&](const auto& one) {
    return std::none_of(pods.begin(), pods.end(), [&](const auto& pod) {
      return text_at(*pod, {"metadata", "name"}) == one.first;
    });
  });
  if (all.empty()) {
    return in_words(m, "unable to get metrics for resource " + m.resource +
                           ": no metrics returned from resource metrics API");
  }
  auto groups = group(c, pods, all, m);
  if (groups.metrics.empty()) {
    return in_words(m, "did not receive metrics for targeted pods (pods might be unready)");
  }
  std::map<std::string, double> requests;
  if (m.utilization > 0) {
    auto found = requests_of(pods, m);
    if (!found) return in_words(m, found.why().what);
    requests = std::move(*found);
  }
  double used = 0, base = 0;
  for (const auto& [pod, value] : groups.metrics) {
    used += value;
    base += requests[pod];
  }
  replica_proposal out;
  out.status = status_of(type, m, used, base, groups.metrics.size());
  out.replicas = calculation(m, std::move(requests)).replicas(std::move(groups), current);
  out.name = m.resource + (m.container.empty() ? " resource" : " container resource") +
             (m.utilization > 0 ? " utilization (percentage of request)" : "");
  return out;
}

} // namespace remed::env

#include "environments/embedded/prometheus/metrics_source.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/prometheus/collector.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <cstdio>

namespace remed::env::prometheus {

namespace {

double instant(vtime t) {
  return seconds(t.time_since_epoch());
}

std::string plain(double v) {
  char out[40];
  std::snprintf(out, sizeof out, "%.9g", v);
  return out;
}

} // namespace

std::vector<series> series_of(const cluster& c, const std::string& metric,
                              const std::vector<matcher>& matchers, double from, double to) {
  auto now = instant(c.now());
  collector out(metric, matchers, std::max(from, now - retention_s), std::min(to, now),
                c.traffic().noise.split("scrapes").next());
  add_container_metrics(c, out);
  add_object_metrics(c, out);
  add_request_metrics(c, out);
  return out.take();
}

std::string exposition_of(const cluster& c, const json& pod, const std::string& service) {
  const std::vector<matcher> any;
  auto now = instant(c.now());
  collector out("", any, now - scrape_s, now, c.traffic().noise.split("scrapes").next());
  add_request_metrics(c, out);
  auto ns = text_at(pod, {"metadata", "namespace"});
  std::string text, last;
  for (auto& one : out.take()) {
    auto name = one.labels["__name__"];
    if (one.labels["service"] != service || one.labels["namespace"] != ns) continue;
    if (name.rfind("http_", 0) != 0) continue;
    auto histogram = name.find("_seconds") != std::string::npos;
    auto family = histogram ? std::string("http_request_duration_seconds") : name;
    if (family != last) {
      text += "# HELP " + family +
              (histogram ? " Time from request to answer.\n" : " Requests answered.\n") +
              "# TYPE " + family + (histogram ? " histogram\n" : " counter\n");
      last = family;
    }
    std::string labels;
    for (const auto* label : {"code", "le"}) {
      auto found = one.labels.find(label);
      if (found == one.labels.end()) continue;
      labels += (labels.empty() ? "" : ",") + found->first + "=\"" + found->second + "\"";
    }
    text += name + (labels.empty() ? "" : "{" + labels + "}") + " " +
            plain(one.samples.back().value) + "\n";
  }
  const auto& containers = at_path(pod, {"spec", "containers"});
  if (!containers.is_array() || containers.empty()) return text;
  text +=
      "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
      "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes " +
      plain(working_set_bytes(c, pod, text_at(containers[0], {"name"}))) + "\n";
  return text;
}

} // namespace remed::env::prometheus

// What the services, and a mesh beside them, tell of requests: how many, how fast, how many failed.
#include "environments/embedded/prometheus/collector.hpp"
#include "environments/embedded/traffic.hpp"

#include <cmath>
#include <cstdio>

namespace remed::env::prometheus {

namespace {

constexpr double rate_unrest = 0.12;

double instant(vtime t) {
  return seconds(t.time_since_epoch());
}

std::string bound_text(double v) {
  char out[32];
  std::snprintf(out, sizeof out, "%g", v);
  return out;
}

/// One figure of a service over its past.
template <class F>
std::vector<rate_step> past_of(const app_traffic& app, const std::string& service, F figure) {
  std::vector<rate_step> out;
  for (const auto& segment : app.past) {
    const auto& services = segment.flow->whole().services;
    auto found = services.find(service);
    auto none = found == services.end();
    out.push_back({instant(segment.from), none ? 0 : figure(found->second)});
  }
  return out;
}

void add_histogram(const app_traffic& app, const std::string& name, const label_set& labels,
                   const std::string& metric, double unit, collector& to) {
  for (std::size_t b = 0; b <= latency_bounds_ms.size(); ++b) {
    auto last = b == latency_bounds_ms.size();
    auto with = labels;
    with["le"] = last ? "+Inf" : bound_text(latency_bounds_ms[b] * unit);
    to.counter(metric + "_bucket", with, past_of(app, name, [&](const service_flow& f) {
                 return f.rps * (last ? 1.0 : static_cast<double>(f.within[b]));
               }));
  }
  to.counter(metric + "_sum", labels,
             past_of(app, name, [&](const service_flow& f) { return f.rps * f.mean_ms * unit; }));
  to.counter(metric + "_count", labels,
             past_of(app, name, [](const service_flow& f) { return f.rps; }));
}

void add_service(const std::string& ns, const app_traffic& app, const service_profile& p,
                 collector& to) {
  label_set own{{"namespace", ns}, {"service", p.service_name()}, {"job", p.service_name()}};
  label_set mesh{{"reporter", "destination"},
                 {"namespace", ns},
                 {"destination_workload", p.name},
                 {"destination_workload_namespace", ns},
                 {"destination_service_name", p.service_name()},
                 {"destination_service", p.service_name() + "." + ns + ".svc.cluster.local"}};
  for (const auto* code : {"200", "500"}) {
    auto good = std::string_view(code) == "200";
    auto rates = past_of(app, p.name, [&](const service_flow& f) {
      return f.rps * (good ? f.success : 1 - f.success);
    });
    auto with = own, meshed = mesh;
    with["code"] = meshed["response_code"] = code;
    to.counter("http_requests_total", with, rates, rate_unrest);
    to.counter("istio_requests_total", meshed, rates, rate_unrest);
  }
  add_histogram(app, p.name, own, "http_request_duration_seconds", 0.001, to);
  add_histogram(app, p.name, mesh, "istio_request_duration_milliseconds", 1, to);
}

} // namespace

void add_request_metrics(const cluster& c, collector& to) {
  static constexpr const char* families[] = {"http_requests_total",
                                             "istio_requests_total",
                                             "http_request_duration_seconds_bucket",
                                             "http_request_duration_seconds_sum",
                                             "http_request_duration_seconds_count",
                                             "istio_request_duration_milliseconds_bucket",
                                             "istio_request_duration_milliseconds_sum",
                                             "istio_request_duration_milliseconds_count"};
  bool any = false;
  for (const auto* family : families) any = any || to.wants(family);
  if (!any) return;
  for (const auto& [ns, app] : c.traffic().apps) {
    for (const auto& [name, profile] : app.profile->services) add_service(ns, app, profile, to);
  }
}

} // namespace remed::env::prometheus

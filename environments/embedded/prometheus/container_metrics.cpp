// What cAdvisor tells: CPU, memory, throttling of each container.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/prometheus/collector.hpp"
#include "environments/embedded/quantity.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <optional>

namespace remed::env::prometheus {

namespace {

constexpr double cpu_unrest = 0.08, memory_unrest = 0.01;
/// Ten periods of 100 ms a second.
constexpr double periods_per_second = 10;

double instant(vtime t) {
  return seconds(t.time_since_epoch());
}

const json& container_of(const json& pod, const std::string& name) {
  static const json none;
  const auto& all = at_path(pod, {"spec", "containers"});
  for (std::size_t i = 0; all.is_array() && i < all.size(); ++i) {
    if (text_at(all[i], {"name"}) == name) return all[i];
  }
  return none;
}

struct figures {
  std::vector<rate_step> cores, bytes, throttled, periods;
};

/// A container at its quota is throttled for the share of each period that its demand exceeds it;
/// one that rests below its quota is not.
figures figures_of(const usage_history& h, double limit, double hogs) {
  figures out;
  for (const auto& s : h.samples) {
    auto at = instant(s.from);
    out.cores.push_back({at, s.cores});
    out.bytes.push_back({at, s.bytes});
    auto share = limit > 0 ? s.cores / limit : 0;
    auto full = share > 0.97;
    out.periods.push_back({at, limit > 0 ? periods_per_second * std::min(1.0, share + 0.1) : 0});
    out.throttled.push_back(
        {at, full ? std::max(0.5, hogs * (1 - limit / std::max(1.0, hogs))) : 0});
  }
  return out;
}

void add_container(const json& pod, const usage_history& h, const flow_container& around,
                   collector& to) {
  const auto& spec = container_of(pod, h.container);
  label_set labels{{"namespace", h.ns},
                   {"pod", h.pod},
                   {"container", h.container},
                   {"image", text_at(spec, {"image"})},
                   {"node", text_at(pod, {"spec", "nodeName"})},
                   {"job", "kubelet"}};
  auto cpu = parse_quantity(text_at(spec, {"resources", "limits", "cpu"})).value_or(0);
  auto memory = parse_quantity(text_at(spec, {"resources", "limits", "memory"})).value_or(0);
  auto f = figures_of(h, cpu > 0 ? effective_cores(cpu) : 0, around.hog_threads * around.hog_load);
  to.counter("container_cpu_usage_seconds_total", labels, f.cores, cpu_unrest);
  for (const auto* name : {"container_memory_working_set_bytes", "container_memory_usage_bytes",
                           "container_memory_rss"})
    to.steps(name, labels, f.bytes, memory_unrest);
  auto since = instant(h.started);
  to.gauge("container_start_time_seconds", labels, since, since);
  to.gauge("container_spec_memory_limit_bytes", labels, since, memory);
  if (cpu <= 0) return;
  to.gauge("container_spec_cpu_quota", labels, since, effective_cores(cpu) * 100'000);
  to.gauge("container_spec_cpu_period", labels, since, 100'000);
  auto throttled = f.throttled, hit = f.periods;
  for (std::size_t i = 0; i < hit.size(); ++i) {
    if (throttled[i].rate <= 0) hit[i].rate = 0;
  }
  to.counter("container_cpu_cfs_throttled_seconds_total", labels, throttled, cpu_unrest);
  to.counter("container_cpu_cfs_periods_total", labels, f.periods);
  to.counter("container_cpu_cfs_throttled_periods_total", labels, hit);
}

} // namespace

void add_container_metrics(const cluster& c, collector& to) {
  c.traffic().usage.walk([&](const std::string&, const auto& h) {
    auto pod = c.objects().get("pods", {h->ns, h->pod});
    if (pod) add_container(*pod, *h, surroundings(c, *pod, h->container), to);
  });
}

} // namespace remed::env::prometheus

#include "environments/embedded/measurements.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/state.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

/// A path the service answers itself: that of its readiness probe.
std::string health_path(const cluster& c, const std::string& ns, const std::string& service) {
  for (const auto* table : {"deployments.apps", "statefulsets.apps", "daemonsets.apps"}) {
    auto workload = c.objects().get(table, {ns, service});
    if (!workload) continue;
    const auto& containers = at_path(*workload, {"spec", "template", "spec", "containers"});
    if (!containers.is_array() || containers.empty()) break;
    return text_at(containers[0], {"readinessProbe", "httpGet", "path"}, "/");
  }
  return "/";
}

bool is_below(const std::string& path, const std::string& mount) {
  return path == mount || mount == "/" || path.rfind(mount + "/", 0) == 0;
}

/// A write, a sync and the look-up before them each pass through the file system.
constexpr int operations_per_write = 3;
constexpr double healthy_write_ms = 2;

const pod_runtime* running_pod(const cluster& c, const std::string& ns, const std::string& service,
                               std::string& container) {
  auto endpoints = c.objects().get("services", {ns, service});
  for (const auto& pod : c.objects().list("pods", ns)) {
    bool selected = text_at(*pod, {"metadata", "labels", "app"}) == service;
    if (endpoints) {
      const auto& wanted = at_path(*endpoints, {"spec", "selector"});
      selected = wanted.is_object() && !wanted.empty();
      for (const auto& [key, value] : wanted.items()) {
        selected = selected && at_path(*pod, {"metadata", "labels", key}) == value;
      }
    }
    const auto& containers = at_path(*pod, {"spec", "containers"});
    if (!selected || !containers.is_array() || containers.empty()) continue;
    if (!at_path(*pod, {"metadata", "deletionTimestamp"}).is_null()) continue;
    container = text_at(containers[0], {"name"});
    const auto* runtime = c.node().find(text_at(*pod, {"metadata", "uid"}));
    const auto* found = runtime ? runtime->find(container) : nullptr;
    if (found && found->running()) return runtime;
  }
  return nullptr;
}

} // namespace

result<environment::transactions> transactions_with(const cluster& c, const std::string& ns,
                                                    const std::string& service, int count,
                                                    random_source& chance) {
  auto entry = c.objects().get("services", {ns, service});
  const json none = json::array();
  const auto& ports = entry ? at_path(*entry, {"spec", "ports"}) : none;
  if (!ports.is_array() || ports.empty()) {
    return failure{errc::failed, "there is no service " + service + " to ask"};
  }
  const auto port = static_cast<int>(int_at(ports[0], {"port"}, 80));
  const auto path = health_path(c, ns, service);
  environment::transactions out;
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    auto answer = send_request(c, nullptr, service + "." + ns, port, path, transaction_limit_s,
                               std::to_string(chance.next()));
    ++out.count;
    if (answer.what != request_outcome::kind::answered) ++out.failed;
    times.push_back(answer.seconds * 1000);
  }
  std::sort(times.begin(), times.end());
  if (!times.empty()) out.median_ms = times[times.size() / 2];
  return out;
}

result<double> synced_write_ms(const cluster& c, const std::string& ns, const std::string& service,
                               const std::string& path, int count, random_source& chance) {
  std::string container;
  const auto* runtime = running_pod(c, ns, service, container);
  if (!runtime) return failure{errc::failed, "no pod of " + service + " runs"};
  std::vector<double> times;
  for (int i = 0; i < std::max(1, count); ++i) {
    double ms = healthy_write_ms * (0.5 + chance.unit());
    for (const auto& [id, e] : c.effects()) {
      if (e.kind != "io_delay" || e.pod_uid != runtime->uid || e.container != container) continue;
      if (!is_below(path, e.params.value("path", "/"))) continue;
      for (int n = 0; n < operations_per_write; ++n) {
        if (chance.unit() * 100 < e.params.value("percent", 100.0)) ms += e.params.value("ms", 0.0);
      }
    }
    times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  const auto last = static_cast<double>(times.size() - 1);
  return times[static_cast<std::size_t>(std::ceil(0.95 * last))];
}

double harm_seconds(const std::vector<traffic_segment>& timeline, vtime from, vtime to,
                    double tolerated) {
  double out = 0;
  for (std::size_t i = 0; i < timeline.size(); ++i) {
    const auto begin = std::max(from, timeline[i].from);
    const auto end = i + 1 < timeline.size() ? std::min(to, timeline[i + 1].from) : to;
    if (end <= begin) continue;
    // A share below one request in a thousand is rounding, not harm.
    const auto harm = 1 - timeline[i].success_rate - tolerated;
    if (harm > 1e-3) out += harm * seconds(end - begin);
  }
  return out;
}

} // namespace remed::env

#include "environments/embedded/measurements.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/object_facts.hpp"
#include "environments/embedded/traffic_requests.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

/// A path the service answers itself: that of its readiness probe; empty where it has none: what
/// answers there asks nobody else either, so that the test is of this service alone.
std::string health_path(const cluster& c, const std::string& ns, const std::string& service) {
  for (const auto* table : {"deployments.apps", "statefulsets.apps", "daemonsets.apps"}) {
    auto workload = c.objects().get(table, {ns, service});
    if (!workload) continue;
    const auto& containers = at_path(*workload, {"spec", "template", "spec", "containers"});
    if (!containers.is_array() || containers.empty()) break;
    return text_at(containers[0], {"readinessProbe", "httpGet", "path"});
  }
  return {};
}

/// A write, a sync and the look-up before them each pass through the file system.
constexpr const char* operations_of_a_write[] = {"lookup", "write", "fsync"};
constexpr double healthy_write_ms = 2;
/// A write that fails counts as one that takes this long.
constexpr double failed_write_ms = 60'000;

/// A running first container of a service's pod.
struct place {
  object pod;
  const pod_runtime* runtime = nullptr;
  std::string container;
};

std::vector<place> running_pods(const cluster& c, const std::string& ns,
                                const std::string& service) {
  std::vector<place> out;
  const auto entry = c.objects().get("services", {ns, service});
  const auto* wants = entry ? &facts_of(entry) : nullptr;
  for (const auto& pod : c.objects().list("pods", ns)) {
    const auto& known = facts_of(pod);
    if (known.deleting || known.main.empty()) continue;
    const bool selected =
        wants ? wants->may_select(known) && selects_by_map(*wants->selector, *known.labels)
              : text_at(*known.labels, {"app"}) == service;
    if (!selected) continue;
    const std::string container(known.main);
    const auto* runtime = c.node().find(std::string(known.uid));
    const auto* found = runtime ? runtime->find(container) : nullptr;
    if (found && found->running()) out.push_back({pod, runtime, container});
  }
  return out;
}

/// A small request to a pod that has no Service: to its port, or to a pod that listens on none, an
/// echo there and back.
request_outcome ask_pod(const cluster& c, const json& pod, random_source& chance) {
  auto container = text_at(at_path(pod, {"spec", "containers"})[0], {"name"});
  const auto& ports = at_path(at_path(pod, {"spec", "containers"})[0], {"ports"});
  if (ports.is_array() && !ports.empty()) {
    return send_request(c, nullptr, text_at(pod, {"status", "podIP"}),
                        static_cast<int>(int_at(ports[0], {"containerPort"})), "/",
                        transaction_limit_s, std::to_string(chance.next()));
  }
  request_outcome out;
  auto link = surroundings(c, pod, container);
  out.seconds = (0.3 + link.delay_ms + link.jitter_ms * (2 * chance.unit() - 1)) / 1000;
  if (link.partitioned || chance.unit() < link.loss || out.seconds > transaction_limit_s) {
    out.what = request_outcome::kind::timed_out;
    out.seconds = transaction_limit_s;
  }
  return out;
}

double synced_write_once(const cluster& c, const place& where, const std::string& path,
                         random_source& chance) {
  double ms = healthy_write_ms * (0.5 + chance.unit());
  for (const auto* e :
       io_effects_on(c, where.runtime->uid, where.container, path + "/synced-write")) {
    for (const auto* method : operations_of_a_write) {
      if (!meets_method(*e, method)) continue;
      if (chance.unit() * 100 >= e->params.value("percent", 100.0)) continue;
      if (e->kind == "io_fault") ms += failed_write_ms;
      if (e->kind == "io_delay") ms += e->params.value("ms", 0.0);
    }
  }
  return ms;
}

} // namespace

result<environment::transactions> transactions_with(const cluster& c, const std::string& ns,
                                                    const std::string& service, int count,
                                                    random_source& chance) {
  auto entry = c.objects().get("services", {ns, service});
  const json none = json::array();
  const auto& ports = entry ? at_path(*entry, {"spec", "ports"}) : none;
  const auto direct = !ports.is_array() || ports.empty();
  const auto pods = direct ? running_pods(c, ns, service) : std::vector<place>{};
  if (direct && pods.empty()) {
    return failure{errc::failed, "there is no service " + service + " to ask"};
  }
  const auto port = direct ? 0 : static_cast<int>(int_at(ports[0], {"port"}, 80));
  const auto path = health_path(c, ns, service);
  std::vector<request_outcome> answers;
  if (direct) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      answers.push_back(ask_pod(c, *pods[i % pods.size()].pod, chance));
  } else {
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) keys.push_back(std::to_string(chance.next()));
    answers = time_requests(c, nullptr, service + "." + ns, port, path, transaction_limit_s, keys);
  }
  environment::transactions out;
  std::vector<double> times;
  for (const auto& answer : answers) {
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
  auto pods = running_pods(c, ns, service);
  if (pods.empty()) return failure{errc::failed, "no pod of " + service + " runs"};
  double worst = 0;
  for (const auto& where : pods) {
    std::vector<double> times;
    for (int i = 0; i < std::max(1, count); ++i)
      times.push_back(synced_write_once(c, where, path, chance));
    std::sort(times.begin(), times.end());
    const auto last = static_cast<double>(times.size() - 1);
    worst = std::max(worst, times[static_cast<std::size_t>(std::ceil(0.95 * last))]);
  }
  return worst;
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

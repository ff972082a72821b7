// Memory limits: who is killed when a container wants more than it may have.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/traffic_pods.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr double fill_rate = 640.0 * 1024 * 1024; // bytes a second a hog touches
constexpr double filling_share = 0.6; // of its start-up an application needs to grow to its size

bool is_memory_hog(const cluster& c, const process_info& p) {
  if (!p.foreign()) return false;
  auto at = c.effects().find(p.effect);
  return at != c.effects().end() && at->second.kind == "memory_hog";
}

double hog_bytes(const cluster& c, const container_runtime& container) {
  double sum = 0;
  for (const auto& p : container.processes) {
    if (is_memory_hog(c, p)) sum += p.rss_bytes;
  }
  return sum;
}

/// When the limit is reached: by a hog that fills memory at its rate, or by a starting application.
vtime reached_at(const pod_sync& s, const container_runtime& container, double limit,
                 double own_bytes) {
  if (own_bytes > limit) {
    auto start = container.serving_at - container.started_at;
    return container.started_at + std::max<duration>(from_seconds(seconds(start) * filling_share),
                                                     std::chrono::seconds{1});
  }
  vtime since = vtime::min();
  for (const auto& p : container.processes) {
    if (is_memory_hog(s.c, p)) since = std::max(since, p.started);
  }
  return since + from_seconds(std::max(0.2, (limit - own_bytes) / fill_rate));
}

} // namespace

double memory_without_hogs(const cluster& c, const json& pod, const std::string& container) {
  const auto* rt = c.node().find(text_at(pod, {"metadata", "uid"}));
  const auto* found = rt ? rt->find(container) : nullptr;
  auto all = working_set_bytes(c, pod, container);
  double hogs = 0;
  for (const auto& [id, e] : c.effects()) {
    if (!found || e.kind != "memory_hog" || e.pod_uid != rt->uid || e.container != container) {
      continue;
    }
    if (!found->shown_effects.count(id)) hogs += e.params.value("bytes", 0.0);
  }
  return std::max(0.0, all - hogs - (found ? hog_bytes(c, *found) : 0.0));
}

double memory_in_use(const cluster& c, const json& pod, const std::string& container) {
  const known_pod known(c.objects(), pod);
  return memory_in_use(container_view(c, known, container));
}

bool sync_memory(pod_sync& s, container_runtime& container) {
  auto limit = limit_of(s.spec_of(container), "memory");
  if (!limit) return false;
  auto wanted = working_set_bytes(s.c, s.pod, container.name);
  if (wanted <= *limit) return false;
  auto own = std::max(0.0, wanted - hog_bytes(s.c, container));
  auto at = reached_at(s, container, *limit, own);
  if (at > s.c.now()) {
    s.wake(at);
    return false;
  }
  // Cgroup v1 kills the largest process only. When that is a hog's child, its parent starts it
  // again: nothing of this is seen from outside. When it is the application, the container ends.
  if (!s.c.options().oom_group_kill && own <= *limit) return false;
  termination how;
  how.reason = "OOMKilled";
  how.exit_code = 137;
  container_ended(s, container, std::move(how));
  return true;
}

} // namespace remed::env

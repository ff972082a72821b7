// The kubelet's eviction manager: a node that runs out of memory says so and ends the pod that
// takes the most beyond what it asked for. Hard threshold and times are the kubelet's defaults
// (memory.available<100Mi, housekeeping 10 s, pressure transition period 5 min).
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/controllers/scheduler/view.hpp"
#include "environments/embedded/metrics.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/quantity.hpp"
#include "environments/embedded/traffic_pods.hpp"

#include <algorithm>
#include <tuple>

namespace remed::env {

namespace {

constexpr double threshold_bytes = 100.0 * 1024 * 1024;
constexpr duration transition_period = std::chrono::minutes{5};
constexpr std::int64_t critical_priority = 2000000000; // pods of system-cluster-critical and above

/// What one running pod takes and had asked for.
struct consumer {
  object pod;
  double used = 0, requested = 0;
  std::string largest; ///< its containers that use more than they asked for, as the message says

  double beyond() const { return used - requested; }
};

std::string consumption_text(const std::string& container, double used, const std::string& asked) {
  return "Container " + container + " was using " + binary_quantity(used) + ", request is " +
         asked + ", has larger consumption of memory. ";
}

consumer measure(const cluster& c, object pod, const pod_runtime& rt) {
  consumer out;
  auto requests = pod_requests(*pod);
  if (auto at = requests.find("memory"); at != requests.end()) out.requested = at->second;
  for (const auto& container : rt.containers) {
    if (!container.running()) continue;
    auto bytes = memory_in_use(c, *pod, container.name);
    out.used += bytes;
    auto asked =
        text_at(container_spec(*pod, container.name), {"resources", "requests", "memory"}, "0");
    if (bytes > parse_quantity(asked).value_or(0)) {
      out.largest += consumption_text(container.name, bytes, asked);
    }
  }
  out.pod = std::move(pod);
  return out;
}

/// What is left of `bytes` beside all pods.
double left_by_pods(const cluster& c, double bytes) {
  const common_surroundings common(c);
  for (const auto* rt : c.node().all()) {
    const auto pod = c.objects().get("pods", {rt->ns, rt->name});
    if (!pod) continue;
    const known_pod known(pod);
    const auto* runs = known->uid == rt->uid ? rt : c.node().find(std::string(known->uid));
    double used = 0;
    for (const auto& container : rt->containers) {
      if (container.running())
        used += memory_in_use(container_view(c, known, container.name, runs, common));
    }
    bytes -= used;
  }
  return bytes;
}

std::vector<consumer> consumers(const cluster& c) {
  std::vector<consumer> out;
  for (const auto* rt : c.node().all()) {
    auto pod = c.objects().get("pods", {rt->ns, rt->name});
    if (pod) out.push_back(measure(c, std::move(pod), *rt));
  }
  return out;
}

/// Who goes first: who exceeds its request, then the less important, then the greediest.
auto rank(const consumer& one) {
  return std::tuple(one.beyond() <= 0, priority_of(*one.pod), -one.beyond());
}

const consumer* victim_of(const cluster& c, const std::vector<consumer>& all) {
  const consumer* first = nullptr;
  for (const auto& one : all) {
    const auto* rt = c.node().find(text_at(*one.pod, {"metadata", "uid"}));
    if (!rt || !rt->end_reason.empty() || one.used <= 0) continue;
    if (priority_of(*one.pod) >= critical_priority) continue;
    if (!first || rank(one) < rank(*first)) first = &one;
  }
  return first;
}

void evict(cluster& c, const consumer& one, double available) {
  auto text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: " +
              binary_quantity(std::max(0.0, available)) + ". " + one.largest;
  auto* rt = c.node().edit(text_at(*one.pod, {"metadata", "uid"}));
  rt->end_reason = evicted;
  rt->end_message = text;
  c.record_event(*one.pod, "Warning", std::string(evicted), text, "kubelet");
  c.schedule(duration{0}, "kubelet", rt->ns + "/" + rt->name);
}

class eviction_manager final : public controller {
public:
  std::string_view name() const override { return eviction_actor; }
  std::string_view component() const override { return "kubelet"; }
  void observe(cluster&, const change&) const override {}

  void reconcile(cluster& c, const std::string& key) const override {
    auto node = c.objects().get("nodes", {"", key});
    if (!node || !is_reporting(c, key)) return;
    const auto available = left_by_pods(c, capacity(*node) - node_idle_bytes);
    bool low = available < threshold_bytes;
    if (low) {
      c.memory(name(), key) = c.now().time_since_epoch().count();
      say_threshold(c, *node);
      const auto all = consumers(c);
      if (const auto* one = victim_of(c, all)) evict(c, *one, available);
    }
    bool pressed = low || still_pressed(c, key);
    tell(c, *node, pressed);
    if (!pressed) c.forget(name(), key);
    if (pressed || has_hogs(c)) c.schedule(housekeeping, name(), key);
  }

private:
  static double capacity(const json& node) {
    return parse_quantity(text_at(node, {"status", "capacity", "memory"})).value_or(0);
  }

  static bool has_hogs(const cluster& c) {
    return std::any_of(c.effects().begin(), c.effects().end(),
                       [](const auto& one) { return one.second.kind == "memory_hog"; });
  }

  /// The condition stays for a while after the threshold was last met, lest it flap.
  bool still_pressed(cluster& c, const std::string& key) const {
    const auto& seen = c.memory(name(), key);
    if (!seen.is_number()) return false;
    return c.now() - vtime{duration{seen.get<duration::rep>()}} < transition_period;
  }

  static void say_threshold(cluster& c, const json& node) {
    c.record_event(node, "Warning", "EvictionThresholdMet", "Attempting to reclaim memory",
                   "kubelet");
  }

  static void tell(cluster& c, const json& before, bool pressed) {
    auto was = condition_of(before, "MemoryPressure");
    if ((text_at(was, {"status"}) == "True") == pressed) return;
    auto node = before;
    set_condition(node["status"], "MemoryPressure", pressed,
                  pressed ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
                  pressed ? "kubelet has insufficient memory available"
                          : "kubelet has sufficient memory available",
                  c.now());
    for (auto& one : node["status"]["conditions"]) {
      if (one["type"] == "MemoryPressure") one["lastHeartbeatTime"] = rfc3339(c.now());
    }
    c.put("nodes", node);
    const std::string reason = pressed ? "NodeHasInsufficientMemory" : "NodeHasSufficientMemory";
    c.record_event(node, "Normal", reason,
                   "Node " + text_at(node, {"metadata", "name"}) + " status is now: " + reason,
                   "kubelet");
  }
};

} // namespace

std::shared_ptr<const controller> make_eviction_manager() {
  return std::make_shared<eviction_manager>();
}

} // namespace remed::env

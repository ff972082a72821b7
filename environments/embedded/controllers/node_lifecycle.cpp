// Node lifecycle: nodes whose kubelet went silent, taints from conditions, pods of nodes that are
// gone.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/node/state.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

constexpr std::string_view actor = "node-controller";
constexpr duration grace = std::chrono::seconds{40};      // --node-monitor-grace-period
constexpr duration quarantine = std::chrono::seconds{40}; // of pods whose node object is gone

struct taint {
  std::string key, effect;
  auto operator<=>(const taint&) const = default;
};

const std::set<std::string>& owned_taints() {
  static const std::set<std::string> all{
      "node.kubernetes.io/not-ready",       "node.kubernetes.io/unreachable",
      "node.kubernetes.io/memory-pressure", "node.kubernetes.io/disk-pressure",
      "node.kubernetes.io/pid-pressure",    "node.kubernetes.io/network-unavailable",
      "node.kubernetes.io/unschedulable"};
  return all;
}

std::vector<taint> taints_of_conditions(const json& node) {
  std::vector<taint> out;
  auto status = [&](const char* type) { return text_at(condition_of(node, type), {"status"}); };
  if (at_path(node, {"spec", "unschedulable"}) == true)
    out.push_back({"node.kubernetes.io/unschedulable", "NoSchedule"});
  auto ready = status("Ready");
  if (ready == "Unknown") {
    out.push_back({"node.kubernetes.io/unreachable", "NoSchedule"});
    out.push_back({"node.kubernetes.io/unreachable", "NoExecute"});
  } else if (ready == "False") {
    out.push_back({"node.kubernetes.io/not-ready", "NoSchedule"});
    out.push_back({"node.kubernetes.io/not-ready", "NoExecute"});
  } else if (ready.empty()) {
    out.push_back({"node.kubernetes.io/not-ready", "NoSchedule"});
  }
  for (auto [type, key] : {std::pair{"MemoryPressure", "memory-pressure"},
                           {"DiskPressure", "disk-pressure"},
                           {"PIDPressure", "pid-pressure"},
                           {"NetworkUnavailable", "network-unavailable"}}) {
    if (status(type) == "True")
      out.push_back({std::string("node.kubernetes.io/") + key, "NoSchedule"});
  }
  return out;
}

/// Keeps others' taints, drops and adds its own.
void sync_taints(cluster& c, json& node) {
  auto wanted = taints_of_conditions(node);
  auto kept = json::array();
  for (const auto& one : at_path(node, {"spec", "taints"})) {
    taint t{text_at(one, {"key"}), text_at(one, {"effect"})};
    auto found = std::find(wanted.begin(), wanted.end(), t);
    bool ours =
        owned_taints().count(t.key) && (t.effect != "NoExecute" || one.contains("timeAdded"));
    if (found == wanted.end() && ours) continue;
    if (found != wanted.end()) wanted.erase(found);
    kept.push_back(one);
  }
  for (const auto& t : wanted) {
    auto one = json::object();
    one["key"] = t.key;
    one["effect"] = t.effect;
    one["timeAdded"] = rfc3339(c.now());
    kept.push_back(std::move(one));
  }
  if (kept.empty())
    node["spec"].erase("taints");
  else
    node["spec"]["taints"] = std::move(kept);
}

void set_condition(json& node, const char* type, const std::string& status, const char* reason,
                   const char* message, vtime now) {
  auto& all = node["status"]["conditions"];
  if (!all.is_array()) all = json::array();
  auto one = json::object();
  one["type"] = type;
  one["status"] = status;
  one["reason"] = reason;
  one["message"] = message;
  one["lastHeartbeatTime"] = at_path(node, {"metadata", "creationTimestamp"});
  one["lastTransitionTime"] = rfc3339(now);
  for (auto& old : all) {
    if (text_at(old, {"type"}) != type) continue;
    if (text_at(old, {"status"}) == status) return;
    one["lastHeartbeatTime"] = old["lastHeartbeatTime"];
    old = std::move(one);
    return;
  }
  all.push_back(std::move(one));
}

/// When its kubelet was last heard of; none: never.
std::optional<vtime> last_heard(const cluster& c, const std::string& node) {
  for (const auto& [id, e] : c.effects()) {
    if (e.kind == kubelet_down && e.params.value("node", "") == node) return e.since;
  }
  return std::nullopt;
}

void mark_unknown(const cluster& c, json& node, bool never) {
  const char* reason = never ? "NodeStatusNeverUpdated" : "NodeStatusUnknown";
  const char* text =
      never ? "Kubelet never posted node status." : "Kubelet stopped posting node status.";
  for (const char* type : {"MemoryPressure", "DiskPressure", "PIDPressure", "Ready"}) {
    set_condition(node, type, "Unknown", reason, text, c.now());
  }
}

void mark_back(const cluster& c, json& node) {
  set_condition(node, "MemoryPressure", "False", "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available", c.now());
  set_condition(node, "DiskPressure", "False", "KubeletHasNoDiskPressure",
                "kubelet has no disk pressure", c.now());
  set_condition(node, "PIDPressure", "False", "KubeletHasSufficientPID",
                "kubelet has sufficient PID available", c.now());
  set_condition(node, "Ready", "True", "KubeletReady", "kubelet is posting ready status", c.now());
}

class node_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource != "nodes") return;
    bool gone = seen.what == change::type::deleted;
    c.schedule(gone ? quarantine : duration{0}, actor, seen.key.name);
  }

  void reconcile(cluster& c, const std::string& name) const override {
    auto node = c.objects().get("nodes", {"", name});
    if (!node) {
      collect_pods(c, name);
      return;
    }
    auto& known = c.memory(actor, name);
    bool cordoned = at_path(*node, {"spec", "unschedulable"}) == true;
    if (known.is_null()) {
      event(c, *node, "RegisteredNode",
            "Node " + name + " event: Registered Node " + name + " in Controller", actor);
    }
    if ((known == true) != cordoned && is_reporting(c, name)) {
      const char* what = cordoned ? "NodeNotSchedulable" : "NodeSchedulable";
      event(c, *node, what, "Node " + name + " status is now: " + what, "kubelet");
    }
    known = cordoned; // and no longer null: registered
    auto now = *node;
    auto ready = text_at(condition_of(*node, "Ready"), {"status"});
    if (is_reporting(c, name)) {
      if (ready == "Unknown") mark_back(c, now);
    } else {
      watch_silence(c, name, now);
    }
    sync_taints(c, now);
    if (now != *node) c.put("nodes", now);
    auto then = text_at(condition_of(now, "Ready"), {"status"});
    if (then != ready && then != "True") lost(c, now, name);
    if (then != ready && then == "True") found(c, now, name);
  }

private:
  static void event(cluster& c, const json& node, const char* reason, const std::string& text,
                    std::string_view by) {
    c.record_event(node, "Normal", reason, text, std::string(by));
  }

  static void watch_silence(cluster& c, const std::string& name, json& node) {
    auto heard = last_heard(c, name);
    auto since = heard ? heard : parse_time(text_at(node, {"metadata", "creationTimestamp"}));
    auto end = since.value_or(c.now()) + grace;
    if (c.now() >= end)
      mark_unknown(c, node, !heard);
    else
      c.schedule(end - c.now(), actor, name);
  }

  /// The pods are taken out of their services; they may well run on.
  static void lost(cluster& c, const json& node, const std::string& name) {
    event(c, node, "NodeNotReady", "Node " + name + " status is now: NodeNotReady", actor);
    for (const auto& pod : c.objects().list("pods")) {
      if (text_at(*pod, {"spec", "nodeName"}) != name || !pod_is_ready(*pod)) continue;
      auto now = *pod;
      for (auto& one : now["status"]["conditions"]) {
        if (text_at(one, {"type"}) != "Ready") continue;
        one["status"] = "False";
        one["lastTransitionTime"] = rfc3339(c.now());
      }
      c.put("pods", std::move(now));
      c.record_event(*pod, "Warning", "NodeNotReady", "Node is not ready", std::string(actor));
    }
  }

  static void found(cluster& c, const json& node, const std::string& name) {
    event(c, node, "NodeReady", "Node " + name + " status is now: NodeReady", "kubelet");
    if (!is_reporting(c, name)) return;
    for (const auto* pod : c.node().all()) {
      c.schedule(duration{0}, "kubelet", pod->ns + "/" + pod->name);
    }
    for (const auto& pod : c.objects().list("pods")) {
      if (text_at(*pod, {"spec", "nodeName"}) == name)
        c.schedule(duration{0}, "kubelet", key_text(key_of(*pod)));
    }
  }

  /// PodGC: nobody else will ever end the pods of a node that is gone.
  static void collect_pods(cluster& c, const std::string& name) {
    c.forget(actor, name);
    for (const auto& pod : c.objects().list("pods")) {
      if (text_at(*pod, {"spec", "nodeName"}) != name) continue;
      if (at_path(*pod, {"metadata", "finalizers"}).empty())
        c.erase("pods", key_of(*pod));
      else
        delete_object(c, "pods", key_of(*pod));
    }
  }
};

} // namespace

std::shared_ptr<const controller> make_node_controller() {
  return std::make_shared<node_controller>();
}

} // namespace remed::env

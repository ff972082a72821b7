#include "chaos/mesh/controller.hpp"

#include "chaos/mesh/children.hpp"
#include "chaos/mesh/experiment.hpp"

#include <string>

namespace remed::chaos::mesh {

namespace {

using env::change;

constexpr std::string_view actor = "chaos-mesh";
/// From a write to the look at it; the daemon on the node takes a little longer.
constexpr duration controller_latency = std::chrono::milliseconds{20};
constexpr duration daemon_latency = std::chrono::milliseconds{60};

std::string key_text(const std::string& resource, const object_key& key) {
  return resource + "|" + key.ns + "/" + key.name;
}

/// The images of a pod were put back by somebody else: the effect is over, whatever the
/// experiment's status says.
void follow_images(env::cluster& c, const json& pod) {
  const auto uid = text_at(pod, {"metadata", "uid"});
  for (const auto& [id, e] : c.effects()) {
    if (e.kind != "image_override" || e.pod_uid != uid) continue;
    bool any = false;
    for (const auto& container : at_path(pod, {"spec", "containers"})) {
      any = any || text_at(container, {"image"}) == pause_image;
    }
    if (!any) {
      c.end_effect(id, "image_restored");
      return;
    }
  }
}

/// Effects made by processes that the daemon started die with it. What it changed in a network
/// namespace, a file, a pod's spec or a running program stays.
bool needs_daemon(const env::effect& e) {
  if (e.params.contains("layer")) return false; // a module of the kernel
  return e.kind == "cpu_hog" || e.kind == "memory_hog" || e.kind == "http_fault" ||
         e.kind == "kernel_fault" || e.kind.rfind("io_", 0) == 0;
}

bool is_daemon(const json& pod) {
  return text_at(pod, {"metadata", "namespace"}) == own_namespace &&
         text_at(pod, {"metadata", "labels", "app.kubernetes.io/component"}) == "chaos-daemon";
}

/// The instance of the daemon in its pod; empty while there is none.
std::string daemon_instance(const json& pod) {
  const auto& all = at_path(pod, {"status", "containerStatuses"});
  if (!all.is_array() || all.empty()) return {};
  return at_path(all[0], {"state"}).contains("running") ? text_at(all[0], {"containerID"}) : "";
}

/// A daemon that ended takes what it started on its node with it.
void follow_daemon(env::cluster& c, const change& seen) {
  if (!seen.before) return;
  const auto before = daemon_instance(*seen.before);
  const bool gone = seen.what == change::type::deleted;
  if (before.empty() || (!gone && daemon_instance(*seen.now) == before)) return;
  const auto node = text_at(*seen.before, {"spec", "nodeName"});
  std::vector<std::uint64_t> over;
  for (const auto& [id, e] : c.effects()) {
    if (!needs_daemon(e)) continue;
    auto pod = c.objects().get("pods", {e.ns, e.pod});
    if (pod && text_at(*pod, {"spec", "nodeName"}) == node) over.push_back(id);
  }
  drop_effects(c, over, "daemon_restarted");
}

/// Experiments for another cluster are left to it.
bool is_remote(const json& cr) {
  return !text_at(cr, {"spec", "remoteCluster"}).empty();
}

class controller final : public env::controller {
public:
  std::string_view name() const override { return actor; }
  std::string_view component() const override { return "chaos-controller-manager"; }

  void observe(env::cluster& c, const change& seen) const override {
    if (seen.resource == "pods") {
      if (c.effects().empty()) return;
      if (is_daemon(*seen.now)) follow_daemon(c, seen);
      if (seen.what == change::type::modified) follow_images(c, *seen.now);
      return;
    }
    if (!seen.resource.ends_with(".chaos-mesh.org")) return;
    if (kind_of(seen.resource)) {
      if (seen.what == change::type::deleted || is_remote(*seen.now)) return;
      if (seen.before && only_record_events(*seen.before, *seen.now)) return;
      c.schedule(controller_latency, actor, key_text(seen.resource, seen.key));
      return;
    }
    const auto* child = child_of(seen.resource);
    if (!child) return;
    if (seen.what != change::type::deleted) {
      c.schedule(daemon_latency, actor, key_text(seen.resource, seen.key));
    }
    wake_parents(c, *child, seen.key);
  }

  void reconcile(env::cluster& c, const std::string& key) const override {
    auto bar = key.find('|'), slash = key.find('/', bar);
    if (bar == std::string::npos || slash == std::string::npos) return;
    const auto resource = key.substr(0, bar);
    if (key.rfind(process_key, 0) == 0) {
      return drop_effects(c, {std::stoull(key.substr(process_key.size()))}, "process_ended");
    }
    const object_key place{key.substr(bar + 1, slash - bar - 1), key.substr(slash + 1)};
    if (const auto* child = child_of(resource)) return sync_child(c, *child, place);
    const auto* kind = kind_of(resource);
    if (!kind) return;
    auto again = mesh::reconcile(c, *kind, place, *kind->how);
    if (again) c.schedule(*again, actor, key);
  }

private:
  /// All experiments with a record of this pod: they may wait for its child.
  static void wake_parents(env::cluster& c, const child_info& child, const object_key& pod) {
    for (const auto& cr : c.objects().list(child.parents)) {
      for (const auto& record : at_path(*cr, {"status", "experiment", "containerRecords"})) {
        const auto where = parse_id(text_at(record, {"id"}));
        if (where.ns != pod.ns || where.pod != pod.name) continue;
        c.schedule(controller_latency, actor, key_text(child.parents, env::key_of(*cr)));
        break;
      }
    }
  }
};

} // namespace

std::shared_ptr<const env::controller> make_controller() {
  return std::make_shared<controller>();
}

} // namespace remed::chaos::mesh

#include "environments/embedded/node/kubelet.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "environments/embedded/controllers/with_status.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/state.hpp"

#include <utility>

namespace remed::env {

namespace {

constexpr int most_steps = 200; // of one pod at one instant; a few dozen is the busiest seen

std::string key_text(const object_key& key) {
  return key.ns + "/" + key.name;
}

container_runtime runtime_of(const json& spec, const std::string& list) {
  container_runtime one;
  one.name = text_at(spec, {"name"});
  one.init = list == "initContainers";
  one.sidecar = one.init && text_at(spec, {"restartPolicy"}) == "Always";
  one.ephemeral = list == "ephemeralContainers";
  one.image = one.spec_image = text_at(spec, {"image"});
  return one;
}

void add_containers(pod_runtime& rt, const json& pod) {
  for (const char* list : {"initContainers", "containers"}) {
    for (const auto& spec : at_path(pod, {"spec", list})) {
      auto one = runtime_of(spec, list);
      if (one.init || !at_path(pod, {"spec", "initContainers"}).empty()) {
        one.reason = "PodInitializing";
      }
      rt.containers.push_back(std::move(one));
    }
  }
}

/// Debug containers come while the pod runs.
void add_ephemeral(pod_runtime& rt, const json& pod) {
  for (const auto& spec : at_path(pod, {"spec", "ephemeralContainers"})) {
    if (rt.find(text_at(spec, {"name"}))) continue;
    rt.containers.push_back(runtime_of(spec, "ephemeralContainers"));
  }
}

/// A ConfigMap or Secret was written: pods that have mounted it look at it.
void tell_mounters(cluster& c, const change& seen) {
  auto key = seen.resource + "/" + seen.key.name;
  for (const auto* pod : c.node().all()) {
    bool waits = !pod->mounted && pod->mount_next > c.now();
    if (pod->ns == seen.key.ns && (waits || pod->sources.count(key) > 0)) {
      c.schedule(duration{0}, "kubelet", pod->ns + "/" + pod->name);
    }
  }
}

bool finished(const json& pod) {
  auto phase = text_at(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

class kubelet final : public controller {
public:
  explicit kubelet(std::shared_ptr<const image_catalogue> images) : images_(std::move(images)) {}

  std::string_view name() const override { return "kubelet"; }
  std::string_view component() const override { return "kubelet"; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "configmaps" || seen.resource == "secrets") tell_mounters(c, seen);
    if (seen.resource != "pods") return;
    // Its own status writes are no news, unless somebody answers a readiness gate.
    if (seen.what == change::type::modified && seen.before &&
        at_path(*seen.before, {"spec"}) == at_path(*seen.now, {"spec"}) &&
        at_path(*seen.before, {"metadata", "deletionTimestamp"}) ==
            at_path(*seen.now, {"metadata", "deletionTimestamp"}) &&
        at_path(*seen.before, {"metadata", "deletionGracePeriodSeconds"}) ==
            at_path(*seen.now, {"metadata", "deletionGracePeriodSeconds"}) &&
        (at_path(*seen.now, {"spec", "readinessGates"}).empty() ||
         at_path(*seen.before, {"status"}) == at_path(*seen.now, {"status"}))) {
      return;
    }
    if (text_at(*seen.now, {"spec", "nodeName"}) != node_name &&
        !c.node().find(seen.key.ns, seen.key.name)) {
      return;
    }
    c.schedule(duration{0}, name(), key_text(seen.key));
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto slash = key.find('/');
    object_key id{key.substr(0, slash), key.substr(slash + 1)};
    // A silent kubelet does nothing; the node controller has it look at all when it is back.
    if (!is_reporting(c, std::string(node_name))) return;
    auto pod = c.objects().get("pods", id);
    if (const auto* old = c.node().find(id.ns, id.name);
        old && (!pod || text_at(*pod, {"metadata", "uid"}) != old->uid)) {
      remove(c, old->uid);
    }
    if (!pod || text_at(*pod, {"spec", "nodeName"}) != node_name) return;
    auto* rt = accept(c, *pod, id);
    if (!rt) return;
    sync(c, key, *pod, *rt);
  }

private:
  /// The runtime of a pod, made when it is new; none when there is nothing to do for it.
  static pod_runtime* accept(cluster& c, const json& pod, const object_key& id) {
    auto uid = text_at(pod, {"metadata", "uid"});
    if (c.node().find(uid)) {
      auto* known = c.node().edit(uid);
      add_ephemeral(*known, pod);
      return known;
    }
    if (finished(pod)) return nullptr;
    pod_runtime rt;
    rt.uid = uid;
    rt.ns = id.ns;
    rt.name = id.name;
    rt.accepted_at = c.now();
    add_containers(rt, pod);
    return &c.node().add(std::move(rt));
  }

  static void remove(cluster& c, std::string uid) {
    end_pod_effects(c, uid);
    c.node().remove(uid);
  }

  void sync(cluster& c, const std::string& key, const json& pod, pod_runtime& rt) const {
    pod_sync s{c, pod, rt, *images_, {}};
    for (int i = 0; i < most_steps; ++i) {
      s.next.reset();
      if (!sync_lifecycle(s)) break;
    }
    if (rt.gone_at != vtime{} && rt.gone_at <= c.now()) {
      take_away(c, pod, rt);
      return;
    }
    if (rt.gone_at != vtime{}) s.wake(rt.gone_at);
    auto status = pod_status(c, pod, rt);
    if (status != at_path(pod, {"status"})) {
      c.put("pods", with_status(pod, std::move(status)));
    }
    if (s.next) c.schedule(*s.next - c.now(), name(), key);
  }

  /// All has ended and was cleaned up: the object goes, or waits for its finalizers only.
  static void take_away(cluster& c, const json& pod, const pod_runtime& rt) {
    object_key id{rt.ns, rt.name};
    if (at_path(pod, {"metadata", "finalizers"}).empty()) {
      remove(c, rt.uid);
      c.erase("pods", id);
      return;
    }
    auto now = with_status(pod, pod_status(c, pod, rt));
    now["metadata"]["deletionGracePeriodSeconds"] = 0;
    end_pod_effects(c, rt.uid);
    c.put("pods", std::move(now));
  }

  std::shared_ptr<const image_catalogue> images_;
};

} // namespace

std::shared_ptr<const controller> make_kubelet(std::shared_ptr<const image_catalogue> images) {
  return std::make_shared<kubelet>(std::move(images));
}

} // namespace remed::env

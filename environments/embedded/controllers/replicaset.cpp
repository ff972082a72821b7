// ReplicaSet: as many pods of the template as wanted.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "replicaset-controller";
constexpr std::size_t burst = 500; // pods created or deleted in one go

duration min_ready_of(const json& rs) {
  return std::chrono::seconds{int_at(rs, {"spec", "minReadySeconds"})};
}

int restarts_of(const json& pod) {
  std::int64_t most = 0;
  for (const auto& one : at_path(pod, {"status", "containerStatuses"})) {
    most = std::max(most, int_at(one, {"restartCount"}));
  }
  return static_cast<int>(most);
}

/// Who is deleted first: unassigned, then pending, then not ready, then ready for the shortest
/// time, then most restarts, then youngest.
bool goes_first(const object& a, const object& b) {
  auto rank = [](const json& pod) {
    auto phase = text_at(pod, {"status", "phase"});
    auto ready = text_at(condition_of(pod, "Ready"), {"lastTransitionTime"});
    return std::make_tuple(!text_at(pod, {"spec", "nodeName"}).empty(),
                           phase == "Pending"   ? 0
                           : phase == "Running" ? 2
                                                : 1,
                           pod_is_ready(pod), ready, -restarts_of(pod),
                           text_at(pod, {"metadata", "creationTimestamp"}));
  };
  auto ra = rank(*a), rb = rank(*b);
  if (std::get<0>(ra) != std::get<0>(rb)) return std::get<0>(ra) < std::get<0>(rb);
  if (std::get<1>(ra) != std::get<1>(rb)) return std::get<1>(ra) < std::get<1>(rb);
  if (std::get<2>(ra) != std::get<2>(rb)) return std::get<2>(ra) < std::get<2>(rb);
  if (std::get<2>(ra) && std::get<3>(ra) != std::get<3>(rb))
    return std::get<3>(ra) > std::get<3>(rb);
  if (std::get<4>(ra) != std::get<4>(rb)) return std::get<4>(ra) < std::get<4>(rb);
  return std::get<5>(ra) > std::get<5>(rb);
}

class replicaset_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "replicasets.apps") {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      const auto& owner = controller_of(*seen.now);
      if (text_at(owner, {"kind"}) == "ReplicaSet") {
        c.schedule(duration{0}, actor, seen.key.ns + "/" + text_at(owner, {"name"}));
      }
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto rs = c.objects().get("replicasets.apps", parse_key(key));
    if (!rs) return;
    auto pods = owned(c, "pods", *rs);
    std::erase_if(pods, [](const auto& pod) { return !pod_is_active(*pod); });
    if (!is_deleting(*rs)) {
      adjust(c, *rs, pods);
      pods = owned(c, "pods", *rs);
      std::erase_if(pods, [](const auto& pod) { return !pod_is_active(*pod); });
    }
    write_status(c, *rs, pods, key);
  }

private:
  static void adjust(cluster& c, const json& rs, std::vector<object> pods) {
    auto wanted = static_cast<std::size_t>(int_at(rs, {"spec", "replicas"}, 1));
    if (pods.size() < wanted) {
      for (auto n = std::min(wanted - pods.size(), burst); n > 0; --n) {
        auto pod = c.put("pods", pod_from_template(c, rs, at_path(rs, {"spec", "template"})));
        c.record_event(rs, "Normal", "SuccessfulCreate",
                       "Created pod: " + text_at(*pod, {"metadata", "name"}), std::string(actor));
      }
    } else if (pods.size() > wanted) {
      std::stable_sort(pods.begin(), pods.end(), goes_first);
      pods.resize(std::min(pods.size() - wanted, burst));
      for (const auto& pod : pods) {
        delete_object(c, "pods", key_of(*pod));
        c.record_event(rs, "Normal", "SuccessfulDelete",
                       "Deleted pod: " + text_at(*pod, {"metadata", "name"}), std::string(actor));
      }
    }
  }

  static void write_status(cluster& c, const json& rs, const std::vector<object>& pods,
                           const std::string& key) {
    auto min_ready = min_ready_of(rs);
    int ready = 0, available = 0, labeled = 0;
    const auto& labels = at_path(rs, {"spec", "template", "metadata", "labels"});
    for (const auto& pod : pods) {
      vtime later{};
      if (pod_is_ready(*pod)) ++ready;
      if (pod_is_available(*pod, min_ready, c.now(), &later)) ++available;
      if (later > c.now()) c.schedule(later - c.now(), actor, key);
      if (selects_by_map(labels, at_path(*pod, {"metadata", "labels"}))) ++labeled;
    }
    auto status = json::object();
    status["replicas"] = pods.size();
    status["observedGeneration"] = int_at(rs, {"metadata", "generation"}, 1);
    if (labeled) status["fullyLabeledReplicas"] = labeled;
    if (ready) status["readyReplicas"] = ready;
    if (available) status["availableReplicas"] = available;
    if (at_path(rs, {"status"}) == status) return;
    auto now = rs;
    now["status"] = std::move(status);
    c.put("replicasets.apps", std::move(now));
  }
};

} // namespace

std::shared_ptr<const controller> make_replicaset_controller() {
  return std::make_shared<replicaset_controller>();
}

} // namespace remed::env

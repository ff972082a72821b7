// PodDisruptionBudget: how many pods may be missing on purpose right now.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/controllers/pods.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "disruption-controller";
constexpr const char* table = "poddisruptionbudgets.policy";
constexpr const char* reporter = "controllermanager";

struct expectation {
  std::int64_t expected = 0, desired = 0;
};

/// The object that says how many pods there should be: of a ReplicaSet its Deployment.
object scale_owner(const cluster& c, const std::string& ns, const json& ref) {
  static const std::map<std::string, std::string> tables{
      {"ReplicaSet", "replicasets.apps"},
      {"StatefulSet", "statefulsets.apps"},
      {"Deployment", "deployments.apps"},
      {"ReplicationController", "replicationcontrollers"}};
  auto known = tables.find(text_at(ref, {"kind"}));
  if (known == tables.end()) return nullptr;
  auto found = c.objects().get(known->second, {ns, text_at(ref, {"name"})});
  if (!found || text_at(*found, {"metadata", "uid"}) != text_at(ref, {"uid"})) return nullptr;
  const auto& above = controller_of(*found);
  if (text_at(above, {"kind"}) == "Deployment") {
    if (auto deployment = scale_owner(c, ns, above)) return deployment;
  }
  return found;
}

/// The sum of what the pods' controllers want (getExpectedScale).
result<std::int64_t> expected_scale(const cluster& c, const std::string& ns,
                                    const std::vector<object>& pods) {
  std::map<std::string, std::int64_t> wanted;
  for (const auto& pod : pods) {
    const auto& ref = controller_of(*pod);
    auto name = text_at(*pod, {"metadata", "name"});
    if (ref.is_null()) {
      return failure{errc::refused, "found no controller ref for pod \"" + name + "\""};
    }
    auto owner = scale_owner(c, ns, ref);
    if (!owner) {
      return failure{errc::refused, text_at(ref, {"kind"}) + "." + text_at(ref, {"apiVersion"}) +
                                        " does not implement the scale subresource"};
    }
    wanted[text_at(*owner, {"metadata", "uid"})] = int_at(*owner, {"spec", "replicas"}, 1);
  }
  std::int64_t sum = 0;
  for (const auto& [uid, n] : wanted) sum += n;
  return sum;
}

result<expectation> expectations(const cluster& c, const json& budget, const std::string& ns,
                                 const std::vector<object>& pods) {
  const auto& most = at_path(budget, {"spec", "maxUnavailable"});
  const auto& least = at_path(budget, {"spec", "minAvailable"});
  if (!most.is_null()) {
    auto expected = expected_scale(c, ns, pods);
    if (!expected) return expected.why();
    return expectation{
        *expected, std::max<std::int64_t>(0, *expected - scaled_value(most, *expected, true, 0))};
  }
  if (least.is_number()) {
    return expectation{static_cast<std::int64_t>(pods.size()), least.get<std::int64_t>()};
  }
  if (least.is_null()) return expectation{static_cast<std::int64_t>(pods.size()), 0};
  auto expected = expected_scale(c, ns, pods);
  if (!expected) return expected.why();
  return expectation{*expected, scaled_value(least, *expected, true, 0)};
}

json condition(const cluster& c, const json& budget, bool allowed, const char* reason,
               const std::string& message) {
  auto one = json::object();
  one["type"] = "DisruptionAllowed";
  one["status"] = allowed ? "True" : "False";
  one["reason"] = reason;
  one["message"] = message;
  one["observedGeneration"] = int_at(budget, {"metadata", "generation"}, 1);
  const auto& before = condition_of(budget, "DisruptionAllowed");
  bool same = text_at(before, {"status"}) == one["status"];
  one["lastTransitionTime"] = same ? before["lastTransitionTime"] : json(rfc3339(c.now()));
  return one;
}

void write(cluster& c, const json& budget, json status) {
  if (status == at_path(budget, {"status"})) return;
  auto now = budget;
  now["status"] = std::move(status);
  c.put(table, std::move(now));
}

class disruption_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == table) {
      c.schedule(duration{0}, actor, key_text(seen.key));
      return;
    }
    bool scales = seen.resource == "deployments.apps" || seen.resource == "statefulsets.apps" ||
                  seen.resource == "replicasets.apps";
    if ((seen.resource != "pods" && !scales) || c.objects().count(table) == 0) return;
    const auto& labels = scales ? at_path(*seen.now, {"spec", "template", "metadata", "labels"})
                                : at_path(*seen.now, {"metadata", "labels"});
    for (const auto& budget : c.objects().list(table, seen.key.ns)) {
      if (selects(at_path(*budget, {"spec", "selector"}), labels)) {
        c.schedule(duration{0}, actor, key_text(key_of(*budget)));
      }
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto id = parse_key(key);
    auto budget = c.objects().get(table, id);
    if (!budget || is_deleting(*budget)) return;
    const auto& selector = at_path(*budget, {"spec", "selector"});
    const auto pods = c.objects().list("pods", id.ns).where([&](const auto& pod) {
      return !selector.is_null() && selects(selector, at_path(*pod, {"metadata", "labels"}));
    });
    if (pods.empty()) {
      c.record_event(*budget, "Normal", "NoPods", "No matching pods found", reporter);
    }
    judge(c, *budget, id.ns, pods);
  }

private:
  static void judge(cluster& c, const json& budget, const std::string& ns,
                    const std::vector<object>& pods) {
    auto status = json::object();
    status["observedGeneration"] = int_at(budget, {"metadata", "generation"}, 1);
    auto want = expectations(c, budget, ns, pods);
    if (!want) {
      c.record_event(budget, "Warning", "CalculateExpectedPodCountFailed",
                     "Failed to calculate the number of expected pods: " + want.why().what,
                     reporter);
      // failSafe: nothing may be disrupted while it is not known what that would do.
      status = at_path(budget, {"status"});
      if (!status.is_object()) status = json::object();
      for (const char* field : {"currentHealthy", "desiredHealthy", "expectedPods"}) {
        if (!status.contains(field)) status[field] = 0;
      }
      status["disruptionsAllowed"] = 0;
      status["conditions"] =
          json::array({condition(c, budget, false, "SyncFailed", want.why().what)});
      write(c, budget, std::move(status));
      return;
    }
    auto healthy = std::count_if(pods.begin(), pods.end(), [](const auto& pod) {
      return !is_deleting(*pod) && pod_is_ready(*pod);
    });
    auto allowed = want->expected <= 0 ? 0 : std::max<std::int64_t>(0, healthy - want->desired);
    status["currentHealthy"] = healthy;
    status["desiredHealthy"] = want->desired;
    status["expectedPods"] = want->expected;
    status["disruptionsAllowed"] = allowed;
    status["conditions"] = json::array({condition(
        c, budget, allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods", {})});
    write(c, budget, std::move(status));
  }
};

} // namespace

std::shared_ptr<const controller> make_disruption_controller() {
  return std::make_shared<disruption_controller>();
}

} // namespace remed::env

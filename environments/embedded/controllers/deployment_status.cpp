#include "environments/embedded/controllers/deployment_status.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/controllers/pods.hpp"

#include <algorithm>

namespace remed::env {

namespace {

bool is_of(const json& condition, std::string_view type) {
  const auto* own = at_path(condition, {"type"}).get_ptr<const std::string*>();
  return own && *own == type;
}

/// A condition of a status, or null.
const json& condition_in(const json& status, std::string_view type) {
  static const json none = nullptr;
  for (const auto& one : at_path(status, {"conditions"})) {
    if (is_of(one, type)) return one;
  }
  return none;
}

std::int64_t sum(const std::vector<object>& sets, const char* field) {
  std::int64_t n = 0;
  for (const auto& rs : sets) n += int_at(*rs, {"status", field});
  return n;
}

struct counts {
  std::int64_t wanted = 0, replicas = 0, updated = 0, ready = 0, available = 0;
  bool complete() const { return updated == wanted && replicas == wanted && available == wanted; }
};

bool moved(const counts& now, const json& old) {
  auto old_replicas = int_at(old, {"replicas"}), old_updated = int_at(old, {"updatedReplicas"});
  return now.updated > old_updated || now.replicas - now.updated < old_replicas - old_updated ||
         now.ready > int_at(old, {"readyReplicas"}) ||
         now.available > int_at(old, {"availableReplicas"});
}

std::string subject(const json& deployment, const object& current) {
  return current ? "ReplicaSet \"" + text_at(*current, {"metadata", "name"}) + "\""
                 : "Deployment \"" + text_at(deployment, {"metadata", "name"}) + "\"";
}

void judge_progress(const cluster& c, const json& deployment, const object& current,
                    const counts& now, json& status, std::optional<vtime>& recheck) {
  const auto& old = at_path(deployment, {"status"});
  const auto& limit = at_path(deployment, {"spec", "progressDeadlineSeconds"});
  json before = condition_in(status, "Progressing");
  bool was_complete =
      text_at(before, {"reason"}) == "NewReplicaSetAvailable" && now.replicas == now.updated;
  auto who = subject(deployment, current);
  if (limit.is_null() || was_complete) return;
  if (now.complete()) {
    set_deployment_condition(status, "Progressing", "True", "NewReplicaSetAvailable",
                             who + " has successfully progressed.", c.now());
    return;
  }
  if (moved(now, old)) {
    set_deployment_condition(status, "Progressing", "True", "ReplicaSetUpdated",
                             who + " is progressing.", c.now(), true);
    before = condition_in(status, "Progressing");
  }
  auto reason = text_at(before, {"reason"});
  if (reason == "ProgressDeadlineExceeded" || reason == "DeploymentPaused") return;
  auto since = parse_time(text_at(before, {"lastUpdateTime"}));
  if (!since) return;
  auto deadline = *since + std::chrono::seconds{limit.get<std::int64_t>()};
  if (c.now() <= deadline) {
    recheck = deadline + std::chrono::seconds{1};
    return;
  }
  set_deployment_condition(status, "Progressing", "False", "ProgressDeadlineExceeded",
                           who + " has timed out progressing.", c.now());
}

/// That pods cannot be made is passed on from the ReplicaSets, the present one's first.
void show_replica_failure(const object& current, const std::vector<object>& all, json& status) {
  json found = current ? condition_of(*current, "ReplicaFailure") : json();
  for (const auto& rs : all) {
    if (found.is_null()) found = condition_of(*rs, "ReplicaFailure");
  }
  auto& conditions = status["conditions"];
  if (!conditions.is_array()) conditions = json::array();
  std::erase_if(conditions.get_ref<json::array_t&>(),
                [](const json& one) { return is_of(one, "ReplicaFailure"); });
  if (!found.is_null()) {
    found["lastUpdateTime"] = found["lastTransitionTime"];
    conditions.push_back(std::move(found));
  }
}

} // namespace

rollout_bounds bounds_of(const json& deployment) {
  if (text_at(deployment, {"spec", "strategy", "type"}, "RollingUpdate") != "RollingUpdate") {
    return {};
  }
  auto replicas = int_at(deployment, {"spec", "replicas"}, 1);
  const auto& rules = at_path(deployment, {"spec", "strategy", "rollingUpdate"});
  auto quarter = json("25%");
  const auto& surge = at_path(rules, {"maxSurge"});
  const auto& unavailable = at_path(rules, {"maxUnavailable"});
  rollout_bounds out{
      scaled_value(surge.is_null() ? quarter : surge, replicas, true, 0),
      scaled_value(unavailable.is_null() ? quarter : unavailable, replicas, false, 0)};
  if (out.surge == 0 && out.unavailable == 0) out.unavailable = 1;
  out.unavailable = std::min(out.unavailable, replicas);
  return out;
}

void set_deployment_condition(json& status, const std::string& type, const std::string& value,
                              const std::string& reason, const std::string& message, vtime now,
                              bool refresh) {
  const auto& before = condition_in(status, type);
  bool same = text_at(before, {"status"}) == value;
  if (same && text_at(before, {"reason"}) == reason && !refresh) return;
  auto changed_at = same ? text_at(before, {"lastTransitionTime"}) : rfc3339(now);
  auto& all = status["conditions"];
  if (!all.is_array()) all = json::array();
  std::erase_if(all.get_ref<json::array_t&>(), [&](const json& one) { return is_of(one, type); });
  auto fresh = json::object();
  fresh["type"] = type;
  fresh["status"] = value;
  fresh["reason"] = reason;
  fresh["message"] = message;
  fresh["lastUpdateTime"] = rfc3339(now);
  fresh["lastTransitionTime"] = changed_at;
  all.push_back(std::move(fresh));
}

json deployment_status(const cluster& c, const json& deployment, const object& current,
                       const std::vector<object>& all, std::optional<vtime>& recheck) {
  counts now;
  now.wanted = int_at(deployment, {"spec", "replicas"}, 1);
  now.replicas = sum(all, "replicas");
  now.updated = current ? int_at(*current, {"status", "replicas"}) : 0;
  now.ready = sum(all, "readyReplicas");
  now.available = sum(all, "availableReplicas");
  auto total = std::int64_t{0};
  for (const auto& rs : all) total += int_at(*rs, {"spec", "replicas"}, 1);
  auto status = json::object();
  status["observedGeneration"] = int_at(deployment, {"metadata", "generation"}, 1);
  if (now.replicas) status["replicas"] = now.replicas;
  if (now.updated) status["updatedReplicas"] = now.updated;
  if (now.ready) status["readyReplicas"] = now.ready;
  if (now.available) status["availableReplicas"] = now.available;
  if (total > now.available) status["unavailableReplicas"] = total - now.available;
  const auto& collisions = at_path(deployment, {"status", "collisionCount"});
  if (!collisions.is_null()) status["collisionCount"] = collisions;
  const auto& conditions = at_path(deployment, {"status", "conditions"});
  if (conditions.is_array()) status["conditions"] = conditions;
  bool enough = now.available >= now.wanted - bounds_of(deployment).unavailable;
  set_deployment_condition(status, "Available", enough ? "True" : "False",
                           enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                           enough ? "Deployment has minimum availability."
                                  : "Deployment does not have minimum availability.",
                           c.now());
  show_replica_failure(current, all, status);
  if (at_path(deployment, {"spec", "paused"}) != true) {
    judge_progress(c, deployment, current, now, status, recheck);
  }
  return status;
}

} // namespace remed::env

// The scheduler: gives pods to nodes that are allowed and have room, and keeps those that fit
// nowhere until something changes.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/scheduler/preemption.hpp"
#include "environments/embedded/controllers/storage/volumes.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "default-scheduler";
constexpr const char* queue = "unschedulable"; // names of pods that wait for a change

bool is_waiting(const json& pod) {
  return text_at(pod, {"spec", "nodeName"}).empty() && !is_deleting(pod) &&
         text_at(pod, {"spec", "schedulerName"}, std::string(actor)) == actor &&
         at_path(pod, {"spec", "schedulingGates"}).empty();
}

void set_condition(json& pod, json condition) {
  auto& all = pod["status"]["conditions"];
  if (!all.is_array()) all = json::array();
  for (auto& one : all) {
    if (text_at(one, {"type"}) != text_at(condition, {"type"})) continue;
    if (one["status"] == condition["status"])
      condition["lastTransitionTime"] = one["lastTransitionTime"];
    one = std::move(condition);
    return;
  }
  all.push_back(std::move(condition));
}

json condition(const cluster& c, const char* type, bool value, const std::string& reason,
               const std::string& message) {
  auto one = json::object();
  one["type"] = type;
  one["status"] = value ? "True" : "False";
  one["lastProbeTime"] = nullptr;
  one["lastTransitionTime"] = rfc3339(c.now());
  if (!reason.empty()) one["reason"] = reason;
  if (!message.empty()) one["message"] = message;
  return one;
}

void leave_queue(cluster& c, const std::string& key) {
  auto& waiting = c.memory(actor, queue);
  if (waiting.is_object()) waiting.erase(key);
}

/// One attempt to place one pod.
class attempt {
public:
  attempt(cluster& c, object pod, std::string key)
      : c_(c), pod_(std::move(pod)), key_(std::move(key)) {}

  void run() {
    auto all = view_nodes(c_, *pod_);
    if (all.empty()) {
      refuse("no nodes available to schedule pods", {});
      return;
    }
    if (auto why = prefilter(c_, *pod_); !why.empty()) {
      std::vector<objection> hopeless(all.size(), objection{{why}, true});
      auto text = "0/" + std::to_string(all.size()) + " nodes are available: " + why + ".";
      refuse(text + " " + find_victims(c_, *pod_, all, hopeless).message, {});
      return;
    }
    std::vector<std::size_t> fitting;
    std::vector<objection> objections;
    for (std::size_t i = 0; i < all.size(); ++i) {
      objections.push_back(filter(c_, *pod_, all[i], all));
      if (objections.back().reasons.empty()) fitting.push_back(i);
    }
    if (fitting.empty())
      give_up(all, objections);
    else
      bind(all[best_node(c_, *pod_, all, fitting)].name);
  }

private:
  void bind(const std::string& node) {
    if (!bind_volumes(c_, *pod_, node)) {
      keep();
      return;
    }
    auto now = *pod_;
    now["spec"]["nodeName"] = node;
    set_condition(now, condition(c_, "PodScheduled", true, {}, {}));
    leave_queue(c_, key_);
    c_.put("pods", std::move(now));
    c_.record_event(*pod_, "Normal", "Scheduled", "Successfully assigned " + key_ + " to " + node,
                    std::string(actor));
  }

  void keep() {
    auto& waiting = c_.memory(actor, queue);
    if (!waiting.is_object()) waiting = json::object();
    waiting[key_] = true;
  }

  void give_up(const std::vector<node_view>& all, const std::vector<objection>& objections) {
    auto text = fit_error(objections, all.size());
    auto plan = find_victims(c_, *pod_, all, objections);
    if (!plan.message.empty()) text += " " + plan.message;
    // First the claim on the node, so that nobody else takes the room that is made.
    refuse(text, plan.node);
    for (const auto& victim : plan.victims) evict(*victim, plan.node);
  }

  void refuse(const std::string& text, const std::string& nominated) {
    keep();
    auto now = *pod_;
    set_condition(now, condition(c_, "PodScheduled", false, "Unschedulable", text));
    if (!nominated.empty()) now["status"]["nominatedNodeName"] = nominated;
    if (now != *pod_) c_.put("pods", std::move(now));
    c_.record_event(*pod_, "Warning", "FailedScheduling", text, std::string(actor));
  }

  void evict(const json& victim, const std::string& node) {
    auto key = key_of(victim);
    auto now = victim;
    set_condition(
        now, condition(c_, "DisruptionTarget", true, "PreemptionByScheduler",
                       std::string(actor) + ": preempting to accommodate a higher priority pod"));
    c_.put("pods", std::move(now));
    c_.record_event(victim, "Normal", "Preempted",
                    "Preempted by pod " + text_at(*pod_, {"metadata", "uid"}) + " on node " + node,
                    std::string(actor));
    delete_object(c_, "pods", key);
  }

  cluster& c_;
  object pod_;
  std::string key_;
};

class scheduler final : public controller {
public:
  std::string_view name() const override { return actor; }
  /// The manager of the fields it writes.
  std::string_view component() const { return "kube-scheduler"; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "pods" && seen.what != change::type::deleted) {
      bool news = !seen.before || at_path(*seen.before, {"spec"}) != at_path(*seen.now, {"spec"});
      if (news && is_waiting(*seen.now)) c.schedule(duration{0}, actor, key_text(seen.key));
    }
    const auto& waiting = c.memory(actor, queue);
    if (waiting.is_object() && !waiting.empty() && may_help(seen)) wake(c);
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto pod = c.objects().get("pods", parse_key(key));
    if (pod && is_waiting(*pod)) {
      attempt(c, pod, key).run();
      return;
    }
    leave_queue(c, key);
  }

private:
  /// Room was made, a node changed, storage was bound.
  static bool may_help(const change& seen) {
    if (seen.resource == claims_table || seen.resource == volumes_table) return true;
    auto differs = [&](std::initializer_list<std::string_view> path) {
      return !seen.before || at_path(*seen.before, path) != at_path(*seen.now, path);
    };
    if (seen.resource == "nodes") {
      return differs({"spec"}) || differs({"metadata", "labels"}) ||
             differs({"status", "allocatable"});
    }
    if (seen.resource != "pods") return false;
    if (seen.what == change::type::deleted) return true;
    auto phase = text_at(*seen.now, {"status", "phase"});
    bool ended = phase == "Succeeded" || phase == "Failed";
    return differs({"spec", "nodeName"}) || differs({"metadata", "labels"}) ||
           (ended && differs({"status", "phase"}));
  }

  /// The most important first, then the oldest.
  static void wake(cluster& c) {
    std::vector<object> pods;
    auto waiting = c.memory(actor, queue);
    for (const auto& [key, yes] : waiting.items()) {
      auto pod = c.objects().get("pods", parse_key(key));
      if (pod && is_waiting(*pod))
        pods.push_back(pod);
      else
        leave_queue(c, key);
    }
    std::stable_sort(pods.begin(), pods.end(), [](const auto& a, const auto& b) {
      auto pa = priority_of(*a), pb = priority_of(*b);
      return pa != pb ? pa > pb
                      : text_at(*a, {"metadata", "creationTimestamp"}) <
                            text_at(*b, {"metadata", "creationTimestamp"});
    });
    for (const auto& pod : pods) c.schedule(duration{0}, actor, key_text(key_of(*pod)));
  }
};

} // namespace

std::shared_ptr<const controller> make_scheduler() {
  return std::make_shared<scheduler>();
}

} // namespace remed::env

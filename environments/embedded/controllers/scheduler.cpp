// The scheduler: gives pods to nodes that are ready, allowed and have room.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "default-scheduler";

double requested(const json& pod, const char* resource) {
  double sum = 0, most = 0;
  auto of = [&](const json& container) {
    return parse_quantity(text_at(container, {"resources", "requests", resource}, "0")).value_or(0);
  };
  for (const auto& container : at_path(pod, {"spec", "containers"})) sum += of(container);
  for (const auto& container : at_path(pod, {"spec", "initContainers"})) {
    most = std::max(most, of(container));
  }
  return std::max(sum, most);
}

bool tolerates(const json& pod, const json& taint) {
  auto key = taint.value("key", ""), value = taint.value("value", ""),
       effect = taint.value("effect", "");
  for (const auto& one : at_path(pod, {"spec", "tolerations"})) {
    auto wanted_effect = one.value("effect", "");
    if (!wanted_effect.empty() && wanted_effect != effect) continue;
    auto wanted_key = one.value("key", "");
    bool exists = one.value("operator", "Equal") == "Exists";
    if (wanted_key.empty() && exists) return true;
    if (wanted_key == key && (exists || one.value("value", "") == value)) return true;
  }
  return false;
}

bool node_selector_term(const json& term, const json& labels) {
  auto as_selector = json::object();
  as_selector["matchExpressions"] = at_path(term, {"matchExpressions"});
  return selects(as_selector, labels);
}

bool affinity_allows(const json& pod, const json& node) {
  const auto& terms =
      at_path(pod, {"spec", "affinity", "nodeAffinity",
                    "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"});
  if (terms.is_null() || terms.empty()) return true;
  for (const auto& term : terms) {
    if (node_selector_term(term, at_path(node, {"metadata", "labels"}))) return true;
  }
  return false;
}

/// Why a node cannot take a pod, in the scheduler's words; empty: it can.
std::vector<std::string> objections(const cluster& c, const json& pod, const json& node) {
  if (at_path(node, {"spec", "unschedulable"}) == true) {
    auto cordon =
        json::parse(R"({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})");
    if (!tolerates(pod, cordon)) return {"node(s) were unschedulable"};
  }
  const auto& wanted = at_path(pod, {"spec", "nodeSelector"});
  const auto& labels = at_path(node, {"metadata", "labels"});
  if ((!wanted.empty() && !selects_by_map(wanted, labels)) || !affinity_allows(pod, node)) {
    return {"node(s) didn't match Pod's node affinity/selector"};
  }
  for (const auto& taint : at_path(node, {"spec", "taints"})) {
    auto effect = taint.value("effect", "");
    if (effect == "PreferNoSchedule" || tolerates(pod, taint)) continue;
    return {"node(s) had untolerated taint {" + taint.value("key", "") + ": " +
            taint.value("value", "") + "}"};
  }
  std::vector<std::string> out;
  auto name = text_at(node, {"metadata", "name"});
  double cpu = requested(pod, "cpu"), memory = requested(pod, "memory"), count = 1;
  for (const auto& other : c.objects().list("pods")) {
    auto phase = text_at(*other, {"status", "phase"});
    if (text_at(*other, {"spec", "nodeName"}) != name || phase == "Succeeded" ||
        phase == "Failed") {
      continue;
    }
    cpu += requested(*other, "cpu");
    memory += requested(*other, "memory");
    count += 1;
  }
  auto room = [&](const char* resource) {
    return parse_quantity(text_at(node, {"status", "allocatable", resource}, "0")).value_or(0);
  };
  if (count > room("pods")) out.push_back("Too many pods");
  if (requested(pod, "cpu") > 0 && cpu > room("cpu") + 1e-9) out.push_back("Insufficient cpu");
  if (requested(pod, "memory") > 0 && memory > room("memory")) out.push_back("Insufficient memory");
  return out;
}

std::string failure_text(const std::map<std::string, int>& reasons, std::size_t nodes,
                         bool could_preempt) {
  auto all = std::to_string(nodes);
  std::string text = "0/" + all + " nodes are available: ", list;
  for (const auto& [reason, n] : reasons) {
    list += (list.empty() ? "" : ", ") + std::to_string(n) + " " + reason;
  }
  text += list + ". preemption: 0/" + all + " nodes are available: " + all + " ";
  text += could_preempt ? "No preemption victims found for incoming pod."
                        : "Preemption is not helpful for scheduling.";
  return nodes == 0 ? "no nodes available to schedule pods" : text;
}

json scheduled_condition(const cluster& c, const json& pod, bool ok, const std::string& message) {
  auto one = json::object();
  one["type"] = "PodScheduled";
  one["status"] = ok ? "True" : "False";
  one["lastProbeTime"] = nullptr;
  const auto& before = condition_of(pod, "PodScheduled");
  bool same = text_at(before, {"status"}) == one["status"];
  one["lastTransitionTime"] = same ? before["lastTransitionTime"] : json(rfc3339(c.now()));
  if (!ok) {
    one["reason"] = "Unschedulable";
    one["message"] = message;
  }
  return one;
}

void set_condition(json& pod, json condition) {
  auto& all = pod["status"]["conditions"];
  if (!all.is_array()) all = json::array();
  for (auto& one : all) {
    if (text_at(one, {"type"}) == "PodScheduled") {
      one = std::move(condition);
      return;
    }
  }
  all.push_back(std::move(condition));
}

bool is_waiting(const json& pod) {
  return text_at(pod, {"spec", "nodeName"}).empty() && !is_deleting(pod) &&
         text_at(pod, {"spec", "schedulerName"}, std::string(actor)) == actor &&
         at_path(pod, {"spec", "schedulingGates"}).empty();
}

class scheduler final : public controller {
public:
  std::string_view name() const override { return actor; }
  std::string_view component() const override { return "kube-scheduler"; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "pods" && seen.what != change::type::deleted) {
      bool news = !seen.before || at_path(*seen.before, {"spec"}) != at_path(*seen.now, {"spec"});
      if (news && is_waiting(*seen.now)) c.schedule(duration{0}, actor, key_text(seen.key));
    }
    // Room was made, or a node changed: those that wait get another chance.
    bool node_news =
        seen.resource == "nodes" &&
        (!seen.before || at_path(*seen.before, {"spec"}) != at_path(*seen.now, {"spec"}) ||
         at_path(*seen.before, {"metadata", "labels"}) !=
             at_path(*seen.now, {"metadata", "labels"}));
    if (!node_news && !(seen.resource == "pods" && seen.what == change::type::deleted)) return;
    for (const auto& pod : c.objects().list("pods")) {
      if (is_waiting(*pod)) c.schedule(duration{0}, actor, key_text(key_of(*pod)));
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto pod = c.objects().get("pods", parse_key(key));
    if (!pod || !is_waiting(*pod)) return;
    std::map<std::string, int> reasons;
    bool could_preempt = false;
    auto nodes = c.objects().list("nodes");
    for (const auto& node : nodes) {
      auto against = objections(c, *pod, *node);
      if (against.empty()) {
        bind(c, *pod, text_at(*node, {"metadata", "name"}));
        return;
      }
      for (const auto& reason : against) {
        ++reasons[reason];
        could_preempt = could_preempt || reason.starts_with("Insufficient");
      }
    }
    refuse(c, *pod, failure_text(reasons, nodes.size(), could_preempt));
  }

private:
  static void bind(cluster& c, const json& pod, const std::string& node) {
    auto now = pod;
    now["spec"]["nodeName"] = node;
    set_condition(now, scheduled_condition(c, pod, true, {}));
    auto key = key_of(pod);
    c.put("pods", std::move(now));
    c.record_event(pod, "Normal", "Scheduled",
                   "Successfully assigned " + key_text(key) + " to " + node, std::string(actor));
  }

  static void refuse(cluster& c, const json& pod, const std::string& text) {
    auto now = pod;
    set_condition(now, scheduled_condition(c, pod, false, text));
    if (now != pod) c.put("pods", std::move(now));
    c.record_event(pod, "Warning", "FailedScheduling", text, std::string(actor));
  }
};

} // namespace

std::shared_ptr<const controller> make_scheduler() {
  return std::make_shared<scheduler>();
}

} // namespace remed::env

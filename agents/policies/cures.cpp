// The pages of the runbook: each knows one thing that can be wrong and what is done about it.
#include "agents/policies/diagnosis.hpp"
#include "agents/policies/remedies.hpp"

#include <algorithm>

namespace remed::agents {

namespace {

json at_or(const json& value, const char* pointer, json otherwise) {
  const json::json_pointer where(pointer);
  return value.contains(where) ? value.at(where) : otherwise;
}

cure begin(const evidence& e, std::string why) {
  cure c;
  c.target = e.target;
  c.spec = json::object();
  c.replicas = at_or(e.workload, "/spec/replicas", 1).get<int>();
  c.why = std::move(why);
  return c;
}

std::optional<cure> nobody_there(const evidence& e) {
  if (at_or(e.workload, "/spec/replicas", 1) != 0) return std::nullopt;
  auto c = begin(e, e.target.name + " is scaled to no pod at all; it is given one.");
  c.spec["replicas"] = 1;
  return c;
}

/// The container port a Service's port should lead to; null when it leads to one.
json right_port(const json& port, const json& containers) {
  const auto wanted = port.value("targetPort", port.value("port", json(0)));
  json only;
  int declared = 0;
  for (const auto& container : containers) {
    for (const auto& offer : container.value("ports", json::array())) {
      const auto number = offer.value("containerPort", json());
      if (wanted == number || wanted == offer.value("name", json())) return {};
      if (declared++ == 0 || number == port.value("port", json())) only = number;
    }
  }
  return only;
}

std::optional<cure> service_leads_astray(const evidence& e) {
  if (!e.service.is_object()) return std::nullopt;
  const auto labels = at_or(e.workload, "/spec/template/metadata/labels", json::object());
  const auto containers = at_or(e.workload, "/spec/template/spec/containers", json::array());
  json spec = json::object();
  const auto selector = at_or(e.service, "/spec/selector", json::object());
  for (const auto& [key, value] : selector.items()) {
    const auto should = labels.value(key, json());
    if (should != value) spec["selector"][key] = should;
  }
  for (const auto& port : at_or(e.service, "/spec/ports", json::array())) {
    const auto should = right_port(port, containers);
    if (should.is_null()) continue;
    json change = json::object();
    change["port"] = port.at("port");
    change["targetPort"] = should;
    spec["ports"].push_back(std::move(change));
  }
  if (spec.empty()) return std::nullopt;
  auto c = begin(e, "The Service " + e.target.name +
                        " does not lead to its pods; selector and ports are put right.");
  json patch = json::object();
  patch["spec"] = std::move(spec);
  c.others.push_back({"Lead the Service to its pods", "v1", "Service", e.target.name, patch});
  return c;
}

bool selects(const json& selector, const json& labels) {
  const auto wanted = selector.value("matchLabels", json::object());
  for (const auto& [key, value] : wanted.items()) {
    if (labels.value(key, json()) != value) return false;
  }
  return !selector.contains("matchExpressions");
}

std::optional<cure> fenced_off(const evidence& e) {
  if (!e.policies.is_object()) return std::nullopt;
  const auto labels = at_or(e.workload, "/spec/template/metadata/labels", json::object());
  auto c = begin(e, "A network policy lets nobody talk to " + e.target.name + "; it is removed.");
  for (const auto& policy : e.policies.value("items", json::array())) {
    const auto spec = policy.value("spec", json::object());
    const bool lets_in = spec.contains("ingress") && !spec["ingress"].empty();
    if (lets_in || !selects(spec.value("podSelector", json::object()), labels)) continue;
    c.others.push_back({"Remove the policy",
                        "networking.k8s.io/v1",
                        "NetworkPolicy",
                        policy.at("metadata").value("name", ""),
                        {}});
  }
  if (c.others.empty()) return std::nullopt;
  return c;
}

std::optional<cure> scaled_by_a_robot(const evidence& e) {
  if (!e.autoscalers.is_object()) return std::nullopt;
  for (const auto& scaler : e.autoscalers.value("items", json::array())) {
    if (at_or(scaler, "/spec/scaleTargetRef/name", "") != e.target.name) continue;
    auto c = begin(e, "An autoscaler drives " + e.target.name +
                          " beyond all need; it is removed and the pods are counted down.");
    c.others.push_back({"Remove the autoscaler",
                        "autoscaling/v2",
                        "HorizontalPodAutoscaler",
                        scaler.at("metadata").value("name", ""),
                        {}});
    c.scale = at_or(scaler, "/spec/minReplicas", 1).get<int>();
    return c;
  }
  return std::nullopt;
}

std::optional<cure> kept_from_ending(const evidence& e) {
  if (!e.pods.is_object()) return std::nullopt;
  auto c = begin(e, "A finalizer that nobody serves keeps a pod of " + e.target.name +
                        " from ending; it is taken off.");
  json patch = json::object();
  patch["metadata"]["finalizers"] = nullptr;
  for (const auto& pod : e.pods.value("items", json::array())) {
    const auto& meta = pod.at("metadata");
    if (!meta.contains("deletionTimestamp") || !meta.contains("finalizers")) continue;
    c.others.push_back({"Let the pod end", "v1", "Pod", meta.value("name", ""), patch});
  }
  if (c.others.empty()) return std::nullopt;
  return c;
}

std::optional<cure> starved(const evidence& e) {
  auto resources = lost_resources(e.workload, e.history);
  if (!resources) return std::nullopt;
  auto c = begin(e, "An older revision of " + e.target.name +
                        " allowed its containers far more CPU or memory than the present one; "
                        "those resources are put back.");
  c.spec = std::move(*resources);
  return c;
}

std::optional<cure> spoiled_by_the_last_change(const evidence& e) {
  const bool first = e.r->trial == 1; // later the newest revision is our own
  if (!first || e.target.kind != "Deployment" || !changed_last(e.history)) return std::nullopt;
  auto c = begin(e, "The last revision of " + e.target.name +
                        " changed what it runs, and the trouble came with it; the one before "
                        "worked.");
  c.roll_back = true;
  return c;
}

std::optional<cure> overrun(const evidence& e) {
  if (!e.r->report_mentions({"more users", "more requests"})) return std::nullopt;
  auto c = begin(e, e.target.name +
                        " gets more requests than its pods can answer; it is given "
                        "more of them.");
  c.spec["replicas"] = std::max(1, c.replicas) * 4;
  return c;
}

/// A complaint without a symptom about pods that all do well.
std::optional<cure> nothing_wrong(const evidence& e) {
  if (!e.pods.is_object() || !e.r->report_mentions({"none known"})) return std::nullopt;
  const auto pods = e.pods.value("items", json::array());
  const bool well = std::all_of(pods.begin(), pods.end(), [](const json& pod) {
    const auto containers = at_or(pod, "/status/containerStatuses", json::array());
    return !containers.empty() && !pod.at("metadata").contains("deletionTimestamp") &&
           std::all_of(containers.begin(), containers.end(),
                       [](const json& c) { return c.value("ready", false); });
  });
  if (pods.empty() || !well) return std::nullopt;
  auto c = begin(e, "The pods of " + e.target.name +
                        " are ready and nobody says what is wrong; what works is left alone.");
  c.leave = true;
  return c;
}

} // namespace

cure restart(const reading& r, workload_ref target, std::string why) {
  cure c;
  c.spec = restart_patch(restart_stamp(r, target.name));
  c.target = std::move(target);
  c.why = std::move(why);
  return c;
}

cure cure_for(const evidence& e) {
  for (auto* page :
       {nobody_there, service_leads_astray, fenced_off, scaled_by_a_robot, kept_from_ending,
        starved, spoiled_by_the_last_change, overrun, nothing_wrong}) {
    if (auto found = page(e)) return std::move(*found);
  }
  auto renewed = restart(*e.r, e.target,
                         "The settings of " + e.target.name +
                             " are those of its earlier revisions, so what is wrong sits in its "
                             "running pods; new ones do not inherit it.");
  renewed.replicas = at_or(e.workload, "/spec/replicas", 1).get<int>();
  return renewed;
}

} // namespace remed::agents

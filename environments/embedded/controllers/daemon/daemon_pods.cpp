#include "environments/embedded/controllers/daemon/daemon_pods.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/pods.hpp"
#include "environments/embedded/controllers/scheduler/node_fit.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr const char* required = "requiredDuringSchedulingIgnoredDuringExecution";

void tolerate(json& spec, const char* key, const char* effect) {
  auto one = json::object();
  one["key"] = key;
  one["operator"] = "Exists";
  one["effect"] = effect;
  auto& all = spec["tolerations"];
  if (!all.is_array()) all = json::array();
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
}

/// util.AddOrUpdateDaemonPodTolerations
void add_tolerations(json& spec) {
  tolerate(spec, "node.kubernetes.io/not-ready", "NoExecute");
  tolerate(spec, "node.kubernetes.io/unreachable", "NoExecute");
  tolerate(spec, "node.kubernetes.io/disk-pressure", "NoSchedule");
  tolerate(spec, "node.kubernetes.io/memory-pressure", "NoSchedule");
  tolerate(spec, "node.kubernetes.io/pid-pressure", "NoSchedule");
  tolerate(spec, "node.kubernetes.io/unschedulable", "NoSchedule");
  if (spec.value("hostNetwork", false)) {
    tolerate(spec, "node.kubernetes.io/network-unavailable", "NoSchedule");
  }
}

} // namespace

daemon_wish daemon_wanted(const json& set, const json& node) {
  auto pod = json::object();
  pod["spec"] = at_path(set, {"spec", "template", "spec"});
  auto named = text_at(pod, {"spec", "nodeName"});
  if (!named.empty() && named != text_at(node, {"metadata", "name"})) return {};
  if (!affinity_allows(pod, node)) return {};
  add_tolerations(pod["spec"]);
  bool runs = untolerated_taint(pod, node, {"NoExecute", "NoSchedule"}).is_null();
  bool stays = untolerated_taint(pod, node, {"NoExecute"}).is_null();
  return {runs, stays};
}

json daemon_pod(const json& set, const std::string& node, const std::string& hash) {
  auto pod = pod_draft(set, at_path(set, {"spec", "template"}));
  auto& labels = pod["metadata"]["labels"];
  labels["controller-revision-hash"] = hash;
  labels["pod-template-generation"] =
      text_at(set, {"metadata", "annotations", "deprecated.daemonset.template.generation"}, "1");
  auto& spec = pod["spec"];
  auto here = json::object();
  here["key"] = "metadata.name";
  here["operator"] = "In";
  here["values"] = json::array({node});
  auto term = json::object();
  term["matchFields"] = json::array({here});
  // The scheduler is told the node; what the template demands was judged here already.
  spec["affinity"]["nodeAffinity"][required]["nodeSelectorTerms"] = json::array({term});
  add_tolerations(spec);
  return pod;
}

std::string daemon_node(const json& pod) {
  auto bound = text_at(pod, {"spec", "nodeName"});
  if (!bound.empty()) return bound;
  const auto& terms =
      at_path(pod, {"spec", "affinity", "nodeAffinity", required, "nodeSelectorTerms"});
  for (const auto& term : terms) {
    for (const auto& field : at_path(term, {"matchFields"})) {
      const auto& values = at_path(field, {"values"});
      if (text_at(field, {"key"}) == "metadata.name" && values.size() == 1)
        return values[0].get<std::string>();
    }
  }
  return {};
}

} // namespace remed::env

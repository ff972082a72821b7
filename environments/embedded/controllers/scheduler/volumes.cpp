// VolumeBinding: pods go where their storage is or can be.
#include "environments/embedded/controllers/storage/volumes.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/scheduler/filters.hpp"
#include "environments/embedded/controllers/scheduler/node_fit.hpp"

#include <algorithm>

namespace remed::env {

namespace {

bool waits_for_consumer(const cluster& c, const json& claim) {
  auto found = c.objects().get("storageclasses.storage.k8s.io",
                               {"", text_at(claim, {"spec", "storageClassName"})});
  return found && text_at(*found, {"volumeBindingMode"}) == "WaitForFirstConsumer";
}

bool can_provision(const cluster& c, const json& claim) {
  auto found = c.objects().get("storageclasses.storage.k8s.io",
                               {"", text_at(claim, {"spec", "storageClassName"})});
  return found && text_at(*found, {"provisioner"}) != "kubernetes.io/no-provisioner";
}

bool volume_allows(const json& volume, const json& node) {
  const auto& terms = at_path(volume, {"spec", "nodeAffinity", "required", "nodeSelectorTerms"});
  return terms.empty() || std::any_of(terms.begin(), terms.end(),
                                      [&](const json& term) { return term_matches(term, node); });
}

} // namespace

std::vector<std::string> claims_of(const json& pod) {
  std::vector<std::string> out;
  for (const auto& volume : at_path(pod, {"spec", "volumes"})) {
    auto claim = text_at(volume, {"persistentVolumeClaim", "claimName"});
    if (!claim.empty()) out.push_back(claim);
    if (volume.contains("ephemeral")) {
      out.push_back(text_at(pod, {"metadata", "name"}) + "-" + text_at(volume, {"name"}));
    }
  }
  return out;
}

std::string prefilter_volumes(const cluster& c, const json& pod) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  bool unbound = false;
  for (const auto& name : claims_of(pod)) {
    auto claim = c.objects().get(claims_table, {ns, name});
    if (!claim) return "persistentvolumeclaim \"" + name + "\" not found";
    if (is_deleting(*claim)) return "persistentvolumeclaim \"" + name + "\" is being deleted";
    if (text_at(*claim, {"status", "phase"}) == "Lost") {
      return "persistentvolumeclaim \"" + name + "\" bound to non-existent persistentvolume \"" +
             text_at(*claim, {"spec", "volumeName"}) + "\"";
    }
    unbound = unbound || (!is_bound(*claim) && !waits_for_consumer(c, *claim));
  }
  return unbound ? "pod has unbound immediate PersistentVolumeClaims" : "";
}

objection filter_volumes(const cluster& c, const json& pod, const node_view& at) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  for (const auto& name : claims_of(pod)) {
    auto claim = c.objects().get(claims_table, {ns, name});
    if (!claim) continue;
    if (is_bound(*claim)) {
      auto volume = c.objects().get(volumes_table, {"", text_at(*claim, {"spec", "volumeName"})});
      if (volume && !volume_allows(*volume, *at.node))
        return {{"node(s) had volume node affinity conflict"}, true};
      continue;
    }
    auto promised = text_at(*claim, {"metadata", "annotations", selected_node_key});
    if (!promised.empty() && promised != at.name)
      return {{"node(s) had volume node affinity conflict"}, true};
    auto volume = matching_volume(c, *claim);
    bool fits = volume && volume_allows(*volume, *at.node);
    if (!fits && !can_provision(c, *claim))
      return {{"node(s) didn't find available persistent volumes to bind"}, true};
  }
  return {};
}

bool bind_volumes(cluster& c, const json& pod, const std::string& node) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  bool all = true;
  for (const auto& name : claims_of(pod)) {
    auto claim = c.objects().get(claims_table, {ns, name});
    if (!claim || is_bound(*claim)) continue;
    all = false;
    if (text_at(*claim, {"metadata", "annotations", selected_node_key}) == node) continue;
    auto now = *claim;
    now["metadata"]["annotations"][selected_node_key] = node;
    c.put(claims_table, std::move(now));
  }
  return all;
}

} // namespace remed::env

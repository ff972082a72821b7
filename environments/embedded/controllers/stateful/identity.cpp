#include "environments/embedded/controllers/stateful/identity.hpp"

#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

std::string name_of(const json& obj) {
  return text_at(obj, {"metadata", "name"});
}

/// Volumes of the template with those of the claims in place of others of their names.
json volumes_for(const json& set, const json& pod_template, const std::string& pod) {
  auto out = json::array();
  std::vector<std::string> taken;
  for (const auto& claim : at_path(set, {"spec", "volumeClaimTemplates"})) {
    auto one = json::object();
    one["name"] = name_of(claim);
    one["persistentVolumeClaim"]["claimName"] = name_of(claim) + "-" + pod;
    taken.push_back(name_of(claim));
    out.push_back(std::move(one));
  }
  for (const auto& volume : at_path(pod_template, {"spec", "volumes"})) {
    auto name = text_at(volume, {"name"});
    if (std::find(taken.begin(), taken.end(), name) == taken.end()) out.push_back(volume);
  }
  return out;
}

json plain_reference(const json& owner) {
  auto ref = owner_reference(owner);
  ref.erase("controller");
  ref.erase("blockOwnerDeletion");
  return ref;
}

} // namespace

std::optional<std::int64_t> ordinal_of(const std::string& set, const std::string& pod) {
  if (pod.size() <= set.size() + 1 || !pod.starts_with(set + "-")) return std::nullopt;
  auto digits = pod.substr(set.size() + 1);
  if (digits.find_first_not_of("0123456789") != std::string::npos || digits.size() > 9)
    return std::nullopt;
  return std::strtoll(digits.c_str(), nullptr, 10);
}

json stateful_pod(const json& set, const json& pod_template, const std::string& revision,
                  std::int64_t ordinal) {
  auto pod = json::object();
  pod["apiVersion"] = "v1";
  pod["kind"] = "Pod";
  auto name = name_of(set) + "-" + std::to_string(ordinal);
  auto& meta = pod["metadata"];
  meta["name"] = name;
  meta["generateName"] = name_of(set) + "-";
  meta["namespace"] = text_at(set, {"metadata", "namespace"});
  for (const char* field : {"labels", "annotations", "finalizers"}) {
    const auto& value = at_path(pod_template, {"metadata", field});
    if (!value.is_null() && !value.empty()) meta[field] = value;
  }
  meta["labels"]["statefulset.kubernetes.io/pod-name"] = name;
  meta["labels"]["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
  meta["labels"]["controller-revision-hash"] = revision;
  meta["ownerReferences"] = json::array({owner_reference(set)});
  pod["spec"] = at_path(pod_template, {"spec"});
  pod["spec"]["hostname"] = name;
  auto service = text_at(set, {"spec", "serviceName"});
  if (!service.empty()) pod["spec"]["subdomain"] = service;
  auto volumes = volumes_for(set, pod_template, name);
  if (!volumes.empty()) pod["spec"]["volumes"] = std::move(volumes);
  pod["status"]["phase"] = "Pending";
  return pod;
}

std::vector<json> stateful_claims(const json& set, std::int64_t ordinal) {
  std::vector<json> out;
  auto pod = name_of(set) + "-" + std::to_string(ordinal);
  for (auto claim : at_path(set, {"spec", "volumeClaimTemplates"})) {
    claim["apiVersion"] = "v1";
    claim["kind"] = "PersistentVolumeClaim";
    auto& meta = claim["metadata"];
    meta["name"] = name_of(claim) + "-" + pod;
    meta["namespace"] = text_at(set, {"metadata", "namespace"});
    for (const auto& [key, value] : at_path(set, {"spec", "selector", "matchLabels"}).items()) {
      meta["labels"][key] = value;
    }
    claim["status"]["phase"] = "Pending";
    out.push_back(std::move(claim));
  }
  return out;
}

void retain_claims(cluster& c, const json& set, const json& pod, std::int64_t ordinal,
                   bool condemned) {
  const auto& policy = at_path(set, {"spec", "persistentVolumeClaimRetentionPolicy"});
  bool scaled = text_at(policy, {"whenScaled"}) == "Delete";
  bool deleted = text_at(policy, {"whenDeleted"}) == "Delete";
  auto set_uid = text_at(set, {"metadata", "uid"}), pod_uid = text_at(pod, {"metadata", "uid"});
  for (const auto& claim : stateful_claims(set, ordinal)) {
    auto found = c.objects().get("persistentvolumeclaims", key_of(claim));
    if (!found) continue;
    auto refs = json::array();
    for (const auto& ref : at_path(*found, {"metadata", "ownerReferences"})) {
      auto uid = text_at(ref, {"uid"});
      if (uid != set_uid && uid != pod_uid) refs.push_back(ref);
    }
    if (condemned && scaled)
      refs.push_back(plain_reference(pod));
    else if (deleted)
      refs.push_back(plain_reference(set));
    auto now = *found;
    if (refs.empty())
      now["metadata"].erase("ownerReferences");
    else
      now["metadata"]["ownerReferences"] = std::move(refs);
    if (now != *found) c.put("persistentvolumeclaims", std::move(now));
  }
}

} // namespace remed::env

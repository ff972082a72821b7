#include "environments/embedded/network_policies.hpp"

#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"

#include <algorithm>

namespace remed::env {

namespace {

const resource_name table = "networkpolicies.networking.k8s.io";

const json& labels_of(const json& object) {
  return at_path(object, {"metadata", "labels"});
}

bool applies_to_ingress(const json& policy) {
  const auto& types = at_path(policy, {"spec", "policyTypes"});
  if (!types.is_array()) return true; // Ingress is always assumed
  return std::find(types.begin(), types.end(), "Ingress") != types.end();
}

bool in_block(const json& block, const std::string& address) {
  if (!in_network(address, text_at(block, {"cidr"}))) return false;
  const auto& except = at_path(block, {"except"});
  return !except.is_array() || std::none_of(except.begin(), except.end(), [&](const json& hole) {
    return in_network(address, hole.get<std::string>());
  });
}

/// Whether one entry of `from` means this pod.
bool means(const cluster& c, const json& peer, const std::string& policy_ns, const json& pod) {
  if (peer.contains("ipBlock")) return in_block(peer["ipBlock"], text_at(pod, {"status", "podIP"}));
  const auto ns = text_at(pod, {"metadata", "namespace"});
  if (peer.contains("namespaceSelector")) {
    const auto home = c.objects().get("namespaces", {"", ns});
    if (!home || !matches_selector(peer["namespaceSelector"], labels_of(*home))) return false;
  } else if (ns != policy_ns) {
    return false;
  }
  return !peer.contains("podSelector") || matches_selector(peer["podSelector"], labels_of(pod));
}

bool lets_in(const cluster& c, const json& policy, const json& pod) {
  const auto& rules = at_path(policy, {"spec", "ingress"});
  if (!rules.is_array()) return false;
  const auto ns = text_at(policy, {"metadata", "namespace"});
  return std::any_of(rules.begin(), rules.end(), [&](const json& rule) {
    const auto& from = at_path(rule, {"from"});
    if (!from.is_array() || from.empty()) return true;
    return std::any_of(from.begin(), from.end(),
                       [&](const json& peer) { return means(c, peer, ns, pod); });
  });
}

} // namespace

void add_policies(const cluster& c, const json& pod, flow_container& out) {
  if (c.objects().count(table) == 0) return;
  const auto ns = text_at(pod, {"metadata", "namespace"});
  std::vector<object> fences;
  for (auto& policy : c.objects().list(table, ns)) {
    const auto& selector = at_path(*policy, {"spec", "podSelector"});
    const json everything = json::object();
    const bool mine = matches_selector(selector.is_null() ? everything : selector, labels_of(pod));
    if (mine && applies_to_ingress(*policy)) fences.push_back(std::move(policy));
  }
  if (fences.empty()) return;
  flow_filter fence;
  fence.cut = true;
  for (const auto& other : c.objects().list("pods")) {
    const auto address = text_at(*other, {"status", "podIP"});
    const bool let_in = std::any_of(fences.begin(), fences.end(), [&](const object& policy) {
      return lets_in(c, *policy, *other);
    });
    if (!address.empty() && !let_in) fence.peers.push_back(address + "/32");
  }
  if (!fence.peers.empty()) out.filters.push_back(std::move(fence));
}

bool knows_cluster_names(const json& pod) {
  const auto policy = text_at(pod, {"spec", "dnsPolicy"});
  return policy != "Default" && policy != "None";
}

} // namespace remed::env

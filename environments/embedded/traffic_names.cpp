// Where names and addresses lead inside a cluster.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/cluster.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/network_policies.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>

namespace remed::env {

namespace {

bool is_address(const std::string& host) {
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string::npos &&
         std::count(host.begin(), host.end(), '.') == 3;
}

} // namespace

destination resolve(const cluster& c, const json* client, const std::string& host) {
  destination out;
  auto home = client ? text_at(*client, {"metadata", "namespace"}) : std::string("default");
  if (client && (host == "localhost" || host == "127.0.0.1" ||
                 host == text_at(*client, {"metadata", "name"}))) {
    out.known = true;
    out.address = "127.0.0.1";
    out.pod = c.objects().get("pods", {home, text_at(*client, {"metadata", "name"})});
    return out;
  }
  if (is_address(host)) {
    out.known = true;
    out.address = host;
    for (const auto& service : c.objects().list("services")) {
      if (text_at(*service, {"spec", "clusterIP"}) != host) continue;
      out.ns = text_at(*service, {"metadata", "namespace"});
      out.service = text_at(*service, {"metadata", "name"});
      return out;
    }
    for (const auto& pod : c.objects().list("pods")) {
      if (text_at(*pod, {"status", "podIP"}) != host) continue;
      out.pod = pod;
      return out;
    }
    out.external = host.rfind("10.42.", 0) != 0 && host.rfind("10.43.", 0) != 0;
    return out;
  }
  if (client && !knows_cluster_names(*client)) {
    out.known = out.external = host.find('.') != std::string::npos && !host.ends_with(".local");
    return out;
  }
  if (client) {
    const auto uid = text_at(*client, {"metadata", "uid"});
    const auto full =
        host.find('.') == std::string::npos ? host + "." + home + ".svc.cluster.local" : host;
    auto trouble = trouble_with(c, uid, full);
    if (trouble == name_trouble::none) trouble = trouble_with(c, uid, full + ".svc.cluster.local");
    if (trouble == name_trouble::error) {
      out.servfail = true;
      return out;
    }
    if (trouble == name_trouble::random) {
      out.known = out.external = true;
      out.address = random_address(c, full);
      return out;
    }
  }
  auto parts = split(host, '.');
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  if (parts.size() > 2 && (parts[2] != "svc" || parts.size() > 5)) return out;
  if (parts.size() == 4 && parts[3] != "cluster") return out;
  if (parts.size() == 5 && (parts[3] != "cluster" || parts[4] != "local")) return out;
  if (parts.empty()) return out;
  auto ns = parts.size() > 1 ? parts[1] : home;
  auto service = c.objects().get("services", {ns, parts[0]});
  if (!service) return out;
  out.known = true;
  out.ns = ns;
  out.service = parts[0];
  out.address = text_at(*service, {"spec", "clusterIP"});
  return out;
}

std::vector<object> endpoint_pods(const cluster& c, const std::string& ns,
                                  const std::string& service) {
  std::vector<object> out;
  auto endpoints = c.objects().get("endpoints", {ns, service});
  if (!endpoints) return out;
  const auto& subsets = at_path(*endpoints, {"subsets"});
  if (!subsets.is_array()) return out;
  for (const auto& subset : subsets) {
    const auto& addresses = at_path(subset, {"addresses"});
    if (!addresses.is_array()) continue;
    for (const auto& a : addresses) {
      auto pod = c.objects().get("pods", {ns, text_at(a, {"targetRef", "name"})});
      if (pod) out.push_back(pod);
    }
  }
  return out;
}

} // namespace remed::env

#include "environments/embedded/api/addresses.hpp"

#include "environments/embedded/api/text.hpp"

#include <set>

namespace remed::env {

namespace {

constexpr const char* address_prefix = "10.43.";
constexpr const char* address_range = "10.43.0.0/16";
constexpr std::int64_t first_port = 30000, port_count = 2768;

struct taken {
  std::set<std::string> addresses;
  std::set<std::pair<std::string, std::int64_t>> ports; ///< by protocol
};

/// What all Services but this one have.
taken taken_by_others(const cluster& c, const json& service) {
  taken out;
  auto uid = text_at(service, {"metadata", "uid"});
  for (const auto& other : c.objects().list("services")) {
    if (text_at(*other, {"metadata", "uid"}) == uid) continue;
    out.addresses.insert(text_at(*other, {"spec", "clusterIP"}));
    for (const auto& p : at_path(*other, {"spec", "ports"})) {
      out.ports.insert({text_at(p, {"protocol"}, "TCP"), int_at(p, {"nodePort"})});
    }
  }
  return out;
}

void allot_ports(cluster& c, json& spec, taken& used) {
  if (!spec.contains("ports") || !spec["ports"].is_array()) return;
  for (auto& p : spec["ports"]) {
    auto protocol = text_at(p, {"protocol"}, "TCP");
    while (int_at(p, {"nodePort"}) == 0) {
      auto port = first_port + static_cast<std::int64_t>(c.random().below(port_count));
      if (used.ports.insert({protocol, port}).second) p["nodePort"] = port;
    }
  }
}

} // namespace

void allot_addresses(cluster& c, json& service) {
  auto& spec = service["spec"];
  auto kind = text_at(spec, {"type"}, "ClusterIP");
  if (kind == "ExternalName") return;
  auto used = taken_by_others(c, service);
  while (text_at(spec, {"clusterIP"}).empty()) {
    auto a = c.random().below(255), b = 2 + c.random().below(252);
    auto address = address_prefix + std::to_string(a) + "." + std::to_string(b);
    if (!used.addresses.count(address)) spec["clusterIP"] = address;
  }
  spec["clusterIPs"] = json::array({spec["clusterIP"]});
  if (!spec.contains("ipFamilies")) spec["ipFamilies"] = json::array({"IPv4"});
  if (!spec.contains("ipFamilyPolicy")) spec["ipFamilyPolicy"] = "SingleStack";
  if (kind == "NodePort" || kind == "LoadBalancer") allot_ports(c, spec, used);
}

std::vector<field_error> address_conflicts(const cluster& c, const json& service) {
  std::vector<field_error> out;
  auto used = taken_by_others(c, service);
  auto address = text_at(service, {"spec", "clusterIP"});
  if (!address.empty() && address != "None") {
    auto list = json::array({address});
    auto failed = "failed to allocate IP " + address + ": ";
    if (!address.starts_with(address_prefix)) {
      out.push_back(invalid("spec.clusterIPs", list,
                            failed + "the provided IP (" + address +
                                ") is not in the valid range. The range of valid IPs is " +
                                address_range));
    } else if (used.addresses.count(address)) {
      out.push_back(invalid("spec.clusterIPs", list, failed + "provided IP is already allocated"));
    }
  }
  const auto& ports = at_path(service, {"spec", "ports"});
  for (std::size_t i = 0; i < ports.size(); ++i) {
    auto port = int_at(ports[i], {"nodePort"});
    if (port != 0 && used.ports.count({text_at(ports[i], {"protocol"}, "TCP"), port})) {
      out.push_back(invalid("spec.ports[" + std::to_string(i) + "].nodePort", port,
                            "provided port is already allocated"));
    }
  }
  return out;
}

} // namespace remed::env

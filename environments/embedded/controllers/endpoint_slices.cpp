#include "environments/embedded/controllers/endpoint_slices.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace remed::env {

namespace {

constexpr const char* table = "endpointslices.discovery.k8s.io";
constexpr const char* managed_by = "endpointslice.kubernetes.io/managed-by";
constexpr const char* of_service = "kubernetes.io/service-name";
constexpr const char* controller_name = "endpointslice-controller.k8s.io";
constexpr const char* mirror_name = "endpointslicemirroring-controller.k8s.io";
constexpr const char* trigger_time = "endpoints.kubernetes.io/last-change-trigger-time";
constexpr std::size_t most_endpoints = 100; // of a slice (--max-endpoints-per-slice)

/// The number behind a target port of a pod; 0 when the name is not there.
std::int64_t target_of(const json& pod, const json& port) {
  const auto& target = at_path(port, {"targetPort"});
  if (target.is_number()) return target.get<std::int64_t>();
  if (!target.is_string()) return int_at(port, {"port"});
  auto name = target.get<std::string>();
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
    return std::strtoll(name.c_str(), nullptr, 10);
  }
  auto protocol = text_at(port, {"protocol"}, "TCP");
  for (const auto& container : at_path(pod, {"spec", "containers"})) {
    for (const auto& one : at_path(container, {"ports"})) {
      if (text_at(one, {"name"}) == name && text_at(one, {"protocol"}, "TCP") == protocol)
        return int_at(one, {"containerPort"});
    }
  }
  return 0;
}

json endpoint_of(const cluster& c, const json& service, const json& pod) {
  auto one = json::object();
  one["addresses"] = json::array({text_at(pod, {"status", "podIP"})});
  bool leaving = is_deleting(pod), serving = pod_is_ready(pod);
  bool all = at_path(service, {"spec", "publishNotReadyAddresses"}) == true;
  one["conditions"]["ready"] = all || (serving && !leaving);
  one["conditions"]["serving"] = serving;
  one["conditions"]["terminating"] = leaving;
  auto host = hostname_in(service, pod);
  if (!host.empty()) one["hostname"] = host;
  auto node_name = text_at(pod, {"spec", "nodeName"});
  one["nodeName"] = node_name;
  one["targetRef"] = target_ref(pod);
  auto node = c.objects().get("nodes", {"", node_name});
  auto zone =
      node ? text_at(*node, {"metadata", "labels", "topology.kubernetes.io/zone"}) : std::string{};
  if (!zone.empty()) one["zone"] = zone;
  return one;
}

/// What identifies an endpoint from one look to the next.
std::string identity_of(const json& endpoint) {
  auto uid = text_at(endpoint, {"targetRef", "uid"});
  return uid.empty() ? at_path(endpoint, {"addresses"}).dump() : uid;
}

/// What slices of one owner have in common.
struct slice_set {
  const json& owner; ///< the Service, or the Endpoints that are mirrored
  std::string service, ns, manager;
  json labels;
};

json new_slice(cluster& c, const slice_set& set, const json& ports) {
  auto out = json::object();
  out["apiVersion"] = "discovery.k8s.io/v1";
  out["kind"] = "EndpointSlice";
  out["addressType"] = "IPv4";
  auto& meta = out["metadata"];
  meta["generateName"] = set.service + "-";
  meta["name"] = set.service + "-" + c.random().name_suffix(5);
  meta["namespace"] = set.ns;
  meta["ownerReferences"] = json::array({owner_reference(set.owner)});
  meta["generation"] = 0;
  out["ports"] = ports;
  out["endpoints"] = json::array();
  return out;
}

/// A slice on its way to be written.
struct slice_draft {
  object before;      ///< none: it is new
  json fresh;         ///< what is new
  bool moved = false; ///< it had other ports
  json endpoints = json::array();
};

/// Most are what they were: told before anything is copied.
void write(cluster& c, const slice_set& set, const json& ports, slice_draft one) {
  if (one.before && !one.moved && at_path(*one.before, {"endpoints"}) == one.endpoints &&
      at_path(*one.before, {"metadata", "labels"}) == set.labels) {
    return;
  }
  auto now = one.before ? *one.before : std::move(one.fresh);
  now["endpoints"] = std::move(one.endpoints);
  if (one.moved) now["ports"] = ports;
  now["metadata"]["labels"] = set.labels;
  now["metadata"]["generation"] = int_at(now, {"metadata", "generation"}) + 1;
  now["metadata"]["annotations"][trigger_time] = rfc3339(c.now());
  c.put(table, std::move(now));
}

/// Endpoints stay in the slice they are in; new ones go where there is room.
void write_group(cluster& c, const slice_set& set, const json& ports,
                 const std::vector<object>& have, std::vector<json> endpoints, bool keep_empty,
                 std::vector<object>& spare) {
  std::vector<slice_draft> slices;
  auto open_slice = [&] {
    if (spare.empty()) {
      slices.push_back({nullptr, new_slice(c, set, ports)});
      return;
    }
    slices.push_back({spare.back(), nullptr, true});
    spare.pop_back();
  };
  std::map<std::string, std::size_t> open;
  for (std::size_t i = 0; i < endpoints.size(); ++i) open[identity_of(endpoints[i])] = i;
  for (const auto& slice : have) {
    auto& now = slices.emplace_back(slice_draft{slice, nullptr});
    for (const auto& old : at_path(*slice, {"endpoints"})) {
      auto found = open.find(identity_of(old));
      if (found == open.end()) continue;
      now.endpoints.push_back(endpoints[found->second]);
      open.erase(found);
    }
  }
  std::size_t place = 0;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    auto found = open.find(identity_of(endpoints[i]));
    if (found == open.end() || found->second != i) continue;
    while (place < slices.size() && slices[place].endpoints.size() >= most_endpoints) ++place;
    if (place == slices.size()) open_slice();
    slices[place].endpoints.push_back(std::move(endpoints[i]));
  }
  if (slices.empty() && keep_empty) open_slice();
  bool any = std::any_of(slices.begin(), slices.end(),
                         [](const auto& one) { return !one.endpoints.empty(); });
  bool kept = any || !keep_empty;
  for (auto& one : slices) {
    bool empty = one.endpoints.empty();
    if (empty && kept) {
      if (one.before) c.erase(table, key_of(*one.before));
      continue;
    }
    kept = kept || empty;
    write(c, set, ports, std::move(one));
  }
}

void write_set(cluster& c, const slice_set& set, std::map<json, std::vector<json>> groups) {
  std::map<json, std::vector<object>> have;
  for (const auto& slice : owned(c, table, set.owner)) {
    if (text_at(*slice, {"metadata", "labels", managed_by}) == set.manager)
      have[at_path(*slice, {"ports"})].push_back(slice);
  }
  // A service without endpoints keeps one empty slice, that of the ports it had.
  if (groups.empty()) groups[have.empty() ? json(nullptr) : have.begin()->first];
  // Slices of ports that nobody has any more are used again.
  std::vector<object> spare;
  for (const auto& [ports, slices] : have) {
    if (!groups.count(ports)) spare.insert(spare.end(), slices.begin(), slices.end());
  }
  bool only = groups.size() == 1;
  for (auto& [ports, endpoints] : groups) {
    write_group(c, set, ports, have[ports], std::move(endpoints), only, spare);
  }
  for (const auto& slice : spare) c.erase(table, key_of(*slice));
}

} // namespace

json ports_for(const json& service, const json& pod, bool name_all) {
  auto out = json::array();
  for (const auto& port : at_path(service, {"spec", "ports"})) {
    auto number = target_of(pod, port);
    if (number == 0) continue;
    auto one = json::object();
    auto name = text_at(port, {"name"});
    if (!name.empty() || name_all) one["name"] = name;
    one["port"] = number;
    one["protocol"] = text_at(port, {"protocol"}, "TCP");
    auto app = text_at(port, {"appProtocol"});
    if (!app.empty()) one["appProtocol"] = app;
    out.push_back(std::move(one));
  }
  return out;
}

json target_ref(const json& pod) {
  auto ref = json::object();
  ref["kind"] = "Pod";
  for (const char* field : {"name", "namespace", "uid"})
    ref[field] = text_at(pod, {"metadata", field});
  return ref;
}

std::string hostname_in(const json& service, const json& pod) {
  bool member = text_at(pod, {"spec", "subdomain"}) == text_at(service, {"metadata", "name"});
  return member ? text_at(pod, {"spec", "hostname"}) : std::string{};
}

json labels_for(const json& service) {
  auto out = at_path(service, {"metadata", "labels"});
  if (!out.is_object()) out = json::object();
  out.erase("service.kubernetes.io/headless");
  if (text_at(service, {"spec", "clusterIP"}) == "None") out["service.kubernetes.io/headless"] = "";
  return out;
}

void write_slices(cluster& c, const json& service, const std::vector<object>& pods) {
  auto key = key_of(service);
  slice_set set{service, key.name, key.ns, controller_name, labels_for(service)};
  set.labels[managed_by] = controller_name;
  set.labels[of_service] = key.name;
  std::map<json, std::vector<json>> groups;
  for (const auto& pod : pods) {
    groups[ports_for(service, *pod, true)].push_back(endpoint_of(c, service, *pod));
  }
  write_set(c, set, std::move(groups));
}

void mirror_slices(cluster& c, const object_key& key) {
  auto service = c.objects().get("services", key);
  auto endpoints = c.objects().get("endpoints", key);
  if (!service || !endpoints || !at_path(*service, {"spec", "selector"}).empty()) return;
  const auto& labels = at_path(*endpoints, {"metadata", "labels"});
  if (text_at(labels, {"endpointslice.kubernetes.io/skip-mirror"}) == "true") return;
  slice_set set{*endpoints, key.name, key.ns, mirror_name,
                labels.is_object() ? labels : json::object()};
  set.labels[managed_by] = mirror_name;
  set.labels[of_service] = key.name;
  std::map<json, std::vector<json>> groups;
  for (const auto& subset : at_path(*endpoints, {"subsets"})) {
    auto ports = json::array();
    for (auto port : at_path(subset, {"ports"})) {
      if (!port.contains("name")) port["name"] = "";
      ports.push_back(std::move(port));
    }
    for (auto [field, ready] : {std::pair{"addresses", true}, {"notReadyAddresses", false}}) {
      for (const auto& address : at_path(subset, {field})) {
        auto one = json::object();
        one["addresses"] = json::array({text_at(address, {"ip"})});
        one["conditions"]["ready"] = ready;
        for (const char* extra : {"hostname", "nodeName", "targetRef"}) {
          if (address.contains(extra)) one[extra] = address[extra];
        }
        groups[ports].push_back(std::move(one));
      }
    }
  }
  write_set(c, set, std::move(groups));
}

} // namespace remed::env

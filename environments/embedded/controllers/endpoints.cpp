// Endpoints and EndpointSlice of each Service with a selector.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "endpoints-controller";
constexpr const char* slices = "endpointslices.discovery.k8s.io";

/// The number behind a target port of a pod; 0 when the name is not there.
std::int64_t target_of(const json& pod, const json& port) {
  const auto& target = at_path(port, {"targetPort"});
  if (target.is_number()) return target.get<std::int64_t>();
  if (!target.is_string()) return int_at(port, {"port"});
  auto name = target.get<std::string>();
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
    return std::strtoll(name.c_str(), nullptr, 10);
  }
  for (const auto& container : at_path(pod, {"spec", "containers"})) {
    for (const auto& one : at_path(container, {"ports"})) {
      if (text_at(one, {"name"}) == name) return int_at(one, {"containerPort"});
    }
  }
  return 0;
}

json target_ref(const json& pod) {
  auto ref = json::object();
  ref["kind"] = "Pod";
  for (const char* field : {"name", "namespace", "uid"})
    ref[field] = text_at(pod, {"metadata", field});
  return ref;
}

/// The service's ports as numbers of this pod; those it does not name are left out.
json ports_for(const json& service, const json& pod, bool with_app) {
  auto out = json::array();
  for (const auto& port : at_path(service, {"spec", "ports"})) {
    auto number = target_of(pod, port);
    if (number == 0) continue;
    auto one = json::object();
    auto name = text_at(port, {"name"});
    if (!name.empty() || with_app) one["name"] = name;
    one["port"] = number;
    one["protocol"] = text_at(port, {"protocol"}, "TCP");
    auto app = text_at(port, {"appProtocol"});
    if (!app.empty()) one["appProtocol"] = app;
    out.push_back(std::move(one));
  }
  return out;
}

bool is_published(const json& service, const json& pod) {
  return pod_is_ready(pod) || at_path(service, {"spec", "publishNotReadyAddresses"}) == true;
}

std::vector<object> members(const cluster& c, const json& service, const std::string& ns) {
  auto pods = c.objects().list("pods", ns);
  std::erase_if(pods, [&](const auto& pod) {
    auto phase = text_at(*pod, {"status", "phase"});
    return !selects_by_map(at_path(service, {"spec", "selector"}),
                           at_path(*pod, {"metadata", "labels"})) ||
           text_at(*pod, {"status", "podIP"}).empty() || phase == "Succeeded" || phase == "Failed";
  });
  return pods;
}

json subsets_of(const json& service, const std::vector<object>& pods) {
  std::map<json, json> by_ports;
  for (const auto& pod : pods) {
    if (is_deleting(*pod)) continue;
    auto ports = ports_for(service, *pod, false);
    if (ports.empty()) continue;
    auto address = json::object();
    address["ip"] = text_at(*pod, {"status", "podIP"});
    address["nodeName"] = text_at(*pod, {"spec", "nodeName"});
    address["targetRef"] = target_ref(*pod);
    by_ports[ports][is_published(service, *pod) ? "addresses" : "notReadyAddresses"].push_back(
        std::move(address));
  }
  auto out = json::array();
  for (auto& [ports, subset] : by_ports) {
    subset["ports"] = ports;
    out.push_back(std::move(subset));
  }
  return out;
}

json endpoint_of(const json& service, const json& pod) {
  auto one = json::object();
  one["addresses"] = json::array({text_at(pod, {"status", "podIP"})});
  bool leaving = is_deleting(pod);
  one["conditions"]["ready"] = is_published(service, pod) && !leaving;
  one["conditions"]["serving"] = is_published(service, pod);
  one["conditions"]["terminating"] = leaving;
  one["nodeName"] = text_at(pod, {"spec", "nodeName"});
  one["targetRef"] = target_ref(pod);
  return one;
}

void write_endpoints(cluster& c, const json& service, const object_key& key,
                     const std::vector<object>& pods) {
  auto before = c.objects().get("endpoints", key);
  auto now = before ? *before : json::object();
  now["apiVersion"] = "v1";
  now["kind"] = "Endpoints";
  now["metadata"]["name"] = key.name;
  now["metadata"]["namespace"] = key.ns;
  const auto& labels = at_path(service, {"metadata", "labels"});
  if (labels.is_object() && !labels.empty()) now["metadata"]["labels"] = labels;
  auto subsets = subsets_of(service, pods);
  if (subsets.empty())
    now.erase("subsets");
  else
    now["subsets"] = std::move(subsets);
  if (before && *before == now) return;
  auto trigger = rfc3339(c.now());
  now["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"] = trigger;
  c.put("endpoints", std::move(now));
}

object slice_of(const cluster& c, const json& service, const std::string& ns) {
  for (const auto& one : owned(c, slices, service)) {
    if (text_at(*one, {"metadata", "namespace"}) == ns) return one;
  }
  return nullptr;
}

void write_slice(cluster& c, const json& service, const object_key& key,
                 const std::vector<object>& pods) {
  auto before = slice_of(c, service, key.ns);
  auto now = before ? *before : json::object();
  if (!before) {
    now["apiVersion"] = "discovery.k8s.io/v1";
    now["kind"] = "EndpointSlice";
    now["addressType"] = "IPv4";
    auto& meta = now["metadata"];
    meta["generateName"] = key.name + "-";
    meta["name"] = key.name + "-" + c.random().name_suffix(5);
    meta["namespace"] = key.ns;
    meta["ownerReferences"] = json::array({owner_reference(service)});
    meta["generation"] = 0;
  }
  auto labels = at_path(service, {"metadata", "labels"});
  if (!labels.is_object()) labels = json::object();
  labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io";
  labels["kubernetes.io/service-name"] = key.name;
  now["metadata"]["labels"] = std::move(labels);
  auto endpoints = json::array();
  auto ports = json::array();
  for (const auto& pod : pods) {
    auto of_pod = ports_for(service, *pod, true);
    if (of_pod.empty()) continue;
    if (ports.empty()) ports = std::move(of_pod);
    endpoints.push_back(endpoint_of(service, *pod));
  }
  now["endpoints"] = std::move(endpoints);
  now["ports"] = std::move(ports);
  if (before && *before == now) return;
  now["metadata"]["generation"] = int_at(now, {"metadata", "generation"}) + 1;
  now["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"] =
      rfc3339(c.now());
  c.put(slices, std::move(now));
}

class endpoints_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "services") {
      c.schedule(duration{0}, actor, key_text(seen.key));
    } else if (seen.resource == "pods") {
      for (const auto& service : c.objects().list("services", seen.key.ns)) {
        const auto& wanted = at_path(*service, {"spec", "selector"});
        if (selects_by_map(wanted, at_path(*seen.now, {"metadata", "labels"})) ||
            (seen.before &&
             selects_by_map(wanted, at_path(*seen.before, {"metadata", "labels"})))) {
          c.schedule(duration{0}, actor, key_text(key_of(*service)));
        }
      }
    }
  }

  void reconcile(cluster& c, const std::string& text) const override {
    auto key = parse_key(text);
    auto service = c.objects().get("services", key);
    if (!service) {
      // What is left of a deleted service; its slices are the garbage collector's.
      c.erase("endpoints", key);
      return;
    }
    if (at_path(*service, {"spec", "selector"}).empty() || is_deleting(*service)) return;
    auto pods = members(c, *service, key.ns);
    write_endpoints(c, *service, key, pods);
    write_slice(c, *service, key, pods);
  }
};

} // namespace

std::shared_ptr<const controller> make_endpoints_controller() {
  return std::make_shared<endpoints_controller>();
}

} // namespace remed::env

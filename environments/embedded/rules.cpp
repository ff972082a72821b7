// What every cluster has before a system is put on it.
#include "environments/embedded/boot.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "environments/embedded/controllers/storage/volumes.hpp"
#include "environments/embedded/default_roles.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/traffic.hpp"
#include "runtime/paths.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace remed::env {

namespace {

/// Read once for all clusters: its expressions take longer to compile than many a cluster to boot.
std::shared_ptr<const image_catalogue> shipped_images() {
  static const auto shipped = [] {
    auto loaded = image_catalogue::load(data_root() / "environments/embedded/node/images.yaml");
    // Shipped with the program; without it no image is found and each pod's status says so.
    if (!loaded) spdlog::critical("{}", loaded.why().what);
    return std::make_shared<const image_catalogue>(loaded ? std::move(*loaded) : image_catalogue{});
  }();
  return shipped;
}

json namespace_object(const std::string& name) {
  auto out = json::object();
  out["apiVersion"] = "v1";
  out["kind"] = "Namespace";
  out["metadata"]["name"] = name;
  out["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
  out["spec"]["finalizers"] = json::array({"kubernetes"});
  out["status"]["phase"] = "Active";
  return out;
}

/// The API's own service, as every cluster has it.
json kubernetes_service() {
  return json::parse(R"({"apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "kubernetes", "namespace": "default",
                 "labels": {"component": "apiserver", "provider": "kubernetes"}},
    "spec": {"clusterIP": "10.43.0.1", "clusterIPs": ["10.43.0.1"], "type": "ClusterIP",
             "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"],
             "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None",
             "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
    "status": {"loadBalancer": {}}})");
}

/// Where the API's own service leads, as the API server itself writes it.
void install_api_endpoints(cluster& c) {
  if (c.objects().get("endpoints", {"default", "kubernetes"})) return;
  auto port = json::object();
  port["name"] = "https";
  port["port"] = 6443;
  port["protocol"] = "TCP";
  auto address = json::object();
  address["ip"] = node_address;
  auto subset = json::object();
  subset["addresses"] = json::array({address});
  subset["ports"] = json::array({port});
  auto endpoints = json::object();
  endpoints["apiVersion"] = "v1";
  endpoints["kind"] = "Endpoints";
  endpoints["metadata"] = {{"name", "kubernetes"}, {"namespace", "default"}};
  endpoints["metadata"]["labels"]["endpointslice.kubernetes.io/skip-mirror"] = "true";
  endpoints["subsets"] = json::array({subset});
  c.put("endpoints", std::move(endpoints));
  auto one = json::object();
  one["addresses"] = json::array({node_address});
  one["conditions"]["ready"] = true;
  auto slice = json::object();
  slice["apiVersion"] = "discovery.k8s.io/v1";
  slice["kind"] = "EndpointSlice";
  slice["metadata"] = {{"name", "kubernetes"}, {"namespace", "default"}, {"generation", 1}};
  slice["metadata"]["labels"]["kubernetes.io/service-name"] = "kubernetes";
  slice["addressType"] = "IPv4";
  slice["endpoints"] = json::array({one});
  slice["ports"] = json::array({port});
  c.put("endpointslices.discovery.k8s.io", std::move(slice));
}

/// The two classes that every cluster has.
void install_priorities(cluster& c) {
  auto install = [&](const char* name, std::int64_t value, const char* text) {
    auto one = json::object();
    one["apiVersion"] = "scheduling.k8s.io/v1";
    one["kind"] = "PriorityClass";
    one["metadata"]["name"] = name;
    one["metadata"]["generation"] = 1;
    one["value"] = value;
    one["description"] = text;
    one["preemptionPolicy"] = "PreemptLowerPriority";
    constexpr const char* table = "priorityclasses.scheduling.k8s.io";
    if (!c.objects().get(table, {"", name})) c.put(table, std::move(one));
  };
  install("system-cluster-critical", 2000000000,
          "Used for system critical pods that must run in the cluster, but can be moved to another "
          "node if necessary.");
  install("system-node-critical", 2000001000,
          "Used for system critical pods that must not be moved from their current node.");
}

} // namespace

cluster_rules standard_rules() {
  cluster_rules rules;
  rules.controllers = {make_crd_controller(),
                       make_event_expiry(),
                       make_namespace_controller(),
                       make_node_controller(),
                       make_taint_eviction_controller(),
                       make_garbage_collector(),
                       make_deployment_controller(),
                       make_replicaset_controller(),
                       make_replication_controller(),
                       make_statefulset_controller(),
                       make_daemonset_controller(),
                       make_job_controller(),
                       make_cronjob_controller(),
                       make_disruption_controller(),
                       make_quota_controller(),
                       make_autoscaler(),
                       make_volume_controller(),
                       make_scheduler(),
                       make_kubelet(shipped_images()),
                       make_eviction_manager(),
                       make_endpoints_controller(),
                       make_traffic_controller()};
  return rules;
}

void install_basics(cluster& c) {
  for (const char* ns : {"kube-system", "default", "kube-public", "kube-node-lease"}) {
    if (!c.objects().get("namespaces", {"", ns})) c.put("namespaces", namespace_object(ns));
  }
  c.settle();
  install_node(c);
  install_storage(c);
  install_priorities(c);
  install_default_roles(c);
  if (!c.objects().get("services", {"default", "kubernetes"})) {
    c.put("services", kubernetes_service());
  }
  install_api_endpoints(c);
  c.settle();
}

} // namespace remed::env

#include "environments/embedded/controllers/node.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/kubelet.hpp"

#include <algorithm>

namespace remed::env {

namespace {

/// How often a kubelet renews its lease and reports an unchanged status.
constexpr duration lease_period = std::chrono::seconds{10};
constexpr duration status_period = std::chrono::minutes{5};
constexpr const char* leases = "leases.coordination.k8s.io";

json lease_of(const cluster& c, const json& node) {
  auto name = text_at(node, {"metadata", "name"});
  auto lease = json::object();
  lease["apiVersion"] = "coordination.k8s.io/v1";
  lease["kind"] = "Lease";
  lease["metadata"]["name"] = name;
  lease["metadata"]["namespace"] = "kube-node-lease";
  auto owner = json::object();
  owner["apiVersion"] = "v1";
  owner["kind"] = "Node";
  owner["name"] = name;
  owner["uid"] = text_at(node, {"metadata", "uid"});
  lease["metadata"]["ownerReferences"] = json::array({owner});
  lease["spec"]["holderIdentity"] = name;
  lease["spec"]["leaseDurationSeconds"] = 40;
  lease["spec"]["renewTime"] = rfc3339_micro(c.now());
  return lease;
}

json condition(const char* type, bool on, const char* reason, const char* message, vtime now) {
  auto out = json::object();
  out["type"] = type;
  out["status"] = on ? "True" : "False";
  out["lastHeartbeatTime"] = out["lastTransitionTime"] = rfc3339(now);
  out["reason"] = reason;
  out["message"] = message;
  return out;
}

json node_object(const cluster& c) {
  auto node = json::parse(R"json({
    "apiVersion": "v1", "kind": "Node",
    "metadata": {"labels": {
      "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/instance-type": "k3s",
      "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
      "kubernetes.io/os": "linux", "node-role.kubernetes.io/control-plane": "true",
      "node-role.kubernetes.io/master": "true", "node.kubernetes.io/instance-type": "k3s"},
      "annotations": {"node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
    "spec": {"podCIDR": "10.42.0.0/24", "podCIDRs": ["10.42.0.0/24"]},
    "status": {
      "capacity": {"cpu": "8", "memory": "33554432Ki", "pods": "250",
                   "ephemeral-storage": "206292644Ki", "hugepages-1Gi": "0", "hugepages-2Mi": "0"},
      "allocatable": {"cpu": "8", "memory": "33554432Ki", "pods": "250",
                      "ephemeral-storage": "200681483926", "hugepages-1Gi": "0",
                      "hugepages-2Mi": "0"},
      "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
      "nodeInfo": {"architecture": "amd64", "bootID": "0d3a1b5c-6d1f-4c38-9a4e-7d2c5e8f1a90",
        "containerRuntimeVersion": "containerd://1.7.23-k3s2", "kernelVersion": "6.1.0-28-amd64",
        "machineID": "4f1d0c8a7b3e4d52a6c19e8f70b2d315", "operatingSystem": "linux",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
        "systemUUID": "4f1d0c8a-7b3e-4d52-a6c1-9e8f70b2d315"}}})json");
  auto name = std::string(node_name);
  node["metadata"]["name"] = name;
  node["metadata"]["labels"]["kubernetes.io/hostname"] = name;
  node["spec"]["providerID"] = "k3s://" + name;
  auto& status = node["status"];
  status["nodeInfo"]["kubeletVersion"] = status["nodeInfo"]["kubeProxyVersion"] =
      c.options().version;
  status["addresses"] = json::array({json{{"address", node_address}, {"type", "InternalIP"}},
                                     json{{"address", node_name}, {"type", "Hostname"}}});
  status["conditions"] = json::array(
      {condition("MemoryPressure", false, "KubeletHasSufficientMemory",
                 "kubelet has sufficient memory available", c.now()),
       condition("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure",
                 c.now()),
       condition("PIDPressure", false, "KubeletHasSufficientPID",
                 "kubelet has sufficient PID available", c.now()),
       condition("Ready", true, "KubeletReady", "kubelet is posting ready status", c.now())});
  return node;
}

} // namespace

void install_node(cluster& c) {
  if (c.objects().get("nodes", {"", std::string(node_name)})) return;
  auto node = c.put("nodes", node_object(c));
  c.put(leases, lease_of(c, *node));
}

bool is_reporting(const cluster& c, const std::string& node) {
  if (node != node_name) return false;
  return std::none_of(c.effects().begin(), c.effects().end(), [&](const auto& one) {
    return one.second.kind == kubelet_down && one.second.params.value("node", "") == node;
  });
}

bool has_heartbeat(const resource_name& resource) {
  return resource == leases || resource == "nodes";
}

json with_heartbeat(const cluster& c, const resource_name& resource, json obj) {
  bool lease = resource == leases && text_at(obj, {"metadata", "namespace"}) == "kube-node-lease";
  if ((!lease && resource != "nodes") || !is_reporting(c, text_at(obj, {"metadata", "name"})))
    return obj;
  auto since = [&](duration period) { return vtime{c.now().time_since_epoch() / period * period}; };
  if (lease) {
    auto renewed = rfc3339_micro(since(lease_period));
    auto& stored = obj["spec"]["renewTime"];
    if (!stored.is_string() || stored.get_ref<const std::string&>() < renewed) stored = renewed;
    return obj;
  }
  auto beat = rfc3339(since(status_period));
  for (auto& one : obj["status"]["conditions"]) {
    if (text_at(one, {"lastHeartbeatTime"}) < beat) one["lastHeartbeatTime"] = beat;
  }
  return obj;
}

} // namespace remed::env

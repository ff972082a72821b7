#include "environments/embedded/controllers/node.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/node/kubelet.hpp"

namespace remed::env {

namespace {

constexpr std::string_view actor = "node-controller";
/// Kubelets report every 5 minutes when nothing changes; the lease is renewed along with it, so
/// that an idle cluster stays idle.
constexpr duration heartbeat = std::chrono::minutes{5};
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

class node_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "nodes" && seen.what == change::type::added) {
      c.schedule(heartbeat, actor, seen.key.name);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto node = c.objects().get("nodes", {"", key});
    if (!node) return;
    auto now = *node;
    for (auto& one : now["status"]["conditions"]) one["lastHeartbeatTime"] = rfc3339(c.now());
    c.put("nodes", std::move(now));
    auto lease = c.objects().get(leases, {"kube-node-lease", key});
    auto renewed = lease ? *lease : lease_of(c, *node);
    renewed["spec"]["renewTime"] = rfc3339_micro(c.now());
    c.put(leases, std::move(renewed));
    c.schedule(heartbeat, actor, key);
  }
};

} // namespace

void install_node(cluster& c) {
  if (c.objects().get("nodes", {"", std::string(node_name)})) return;
  auto node = c.put("nodes", node_object(c));
  c.put(leases, lease_of(c, *node));
  c.record_event(*node, "Normal", "RegisteredNode",
                 "Node " + std::string(node_name) + " event: Registered Node " +
                     std::string(node_name) + " in Controller",
                 std::string(actor));
}

std::shared_ptr<const controller> make_node_controller() {
  return std::make_shared<node_controller>();
}

} // namespace remed::env

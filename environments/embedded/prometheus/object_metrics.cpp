// What kube-state-metrics tells of pods and workloads, and whether targets are up.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/prometheus/collector.hpp"
#include "environments/embedded/quantity.hpp"

namespace remed::env::prometheus {

namespace {

constexpr const char* phases[] = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};

double since_creation(const json& object) {
  auto at = parse_time(text_at(object, {"metadata", "creationTimestamp"}));
  return at ? seconds(at->time_since_epoch()) : 0;
}

const json& list_at(const json& object, std::initializer_list<std::string_view> path) {
  static const json none = json::array();
  const auto& found = at_path(object, path);
  return found.is_array() ? found : none;
}

void add_container_status(const json& status, label_set labels, double since, collector& to) {
  labels["container"] = text_at(status, {"name"});
  to.gauge("kube_pod_container_status_restarts_total", labels, since,
           static_cast<double>(int_at(status, {"restartCount"})));
  to.gauge("kube_pod_container_status_ready", labels, since,
           at_path(status, {"ready"}) == true ? 1 : 0);
  to.gauge("kube_pod_container_status_running", labels, since,
           at_path(status, {"state", "running"}).is_object() ? 1 : 0);
  auto reason = [&](const char* metric, std::initializer_list<std::string_view> path) {
    auto text = text_at(status, path);
    if (text.empty()) return;
    auto with = labels;
    with["reason"] = text;
    to.gauge(metric, with, since, 1);
  };
  reason("kube_pod_container_status_waiting_reason", {"state", "waiting", "reason"});
  reason("kube_pod_container_status_terminated_reason", {"state", "terminated", "reason"});
  reason("kube_pod_container_status_last_terminated_reason", {"lastState", "terminated", "reason"});
}

void add_resources(const json& container, const label_set& pod, double since, collector& to) {
  for (const auto& [bound, metric] :
       {std::pair{"limits", "kube_pod_container_resource_limits"},
        std::pair{"requests", "kube_pod_container_resource_requests"}}) {
    const auto& all = at_path(container, {"resources", bound});
    if (!all.is_object()) continue;
    for (const auto& [resource, v] : all.items()) {
      auto amount = v.is_string() ? parse_quantity(v.get<std::string>()) : std::nullopt;
      if (!amount) continue;
      auto labels = pod;
      labels["container"] = text_at(container, {"name"});
      labels["resource"] = resource;
      labels["unit"] = resource == "cpu" ? "core" : "byte";
      to.gauge(metric, labels, since, *amount);
    }
  }
}

void add_pod(const json& pod, collector& to) {
  auto since = since_creation(pod);
  label_set labels{{"namespace", text_at(pod, {"metadata", "namespace"})},
                   {"pod", text_at(pod, {"metadata", "name"})},
                   {"job", "kube-state-metrics"}};
  for (const auto* phase : phases) {
    auto with = labels;
    with["phase"] = phase;
    to.gauge("kube_pod_status_phase", with, since,
             text_at(pod, {"status", "phase"}) == phase ? 1 : 0);
  }
  bool ready = false;
  for (const auto& condition : list_at(pod, {"status", "conditions"})) {
    if (text_at(condition, {"type"}) == "Ready") ready = text_at(condition, {"status"}) == "True";
  }
  for (const auto* condition : {"true", "false", "unknown"}) {
    auto with = labels;
    with["condition"] = condition;
    to.gauge("kube_pod_status_ready", with, since,
             std::string_view(condition) == (ready ? "true" : "false") ? 1 : 0);
  }
  auto info = labels;
  info["node"] = text_at(pod, {"spec", "nodeName"});
  info["pod_ip"] = text_at(pod, {"status", "podIP"});
  to.gauge("kube_pod_info", info, since, 1);
  for (const auto& status : list_at(pod, {"status", "containerStatuses"}))
    add_container_status(status, labels, since, to);
  for (const auto& container : list_at(pod, {"spec", "containers"}))
    add_resources(container, labels, since, to);
  label_set target{{"job", "kubernetes-pods"},
                   {"namespace", labels["namespace"]},
                   {"pod", labels["pod"]},
                   {"instance", text_at(pod, {"status", "podIP"})}};
  to.gauge("up", target, since, ready ? 1 : 0);
}

struct workload_metric {
  const char* table;
  const char* label;
  const char* metric;
  std::initializer_list<std::string_view> path;
};

} // namespace

void add_object_metrics(const cluster& c, collector& to) {
  for (const auto& pod : c.objects().list("pods")) add_pod(*pod, to);
  static const workload_metric all[] = {
      {"deployments.apps", "deployment", "kube_deployment_spec_replicas", {"spec", "replicas"}},
      {"deployments.apps", "deployment", "kube_deployment_status_replicas", {"status", "replicas"}},
      {"deployments.apps",
       "deployment",
       "kube_deployment_status_replicas_available",
       {"status", "availableReplicas"}},
      {"deployments.apps",
       "deployment",
       "kube_deployment_status_replicas_unavailable",
       {"status", "unavailableReplicas"}},
      {"statefulsets.apps", "statefulset", "kube_statefulset_replicas", {"spec", "replicas"}},
      {"statefulsets.apps",
       "statefulset",
       "kube_statefulset_status_replicas_ready",
       {"status", "readyReplicas"}}};
  for (const auto& one : all) {
    if (!to.wants(one.metric)) continue;
    for (const auto& object : c.objects().list(one.table)) {
      label_set labels{{"namespace", text_at(*object, {"metadata", "namespace"})},
                       {one.label, text_at(*object, {"metadata", "name"})},
                       {"job", "kube-state-metrics"}};
      to.gauge(one.metric, labels, since_creation(*object),
               static_cast<double>(int_at(*object, one.path)));
    }
  }
  label_set self{{"job", "prometheus"}, {"instance", "localhost:9090"}};
  to.gauge("up", self, 0, 1);
}

} // namespace remed::env::prometheus

#include "agents/inprocess/kinds.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace remed::agents {

namespace {

struct known {
  const char *api_version, *kind, *plural, *short_name;
  bool namespaced = true;
};

constexpr known all[] = {
    {"v1", "Pod", "pods", "po"},
    {"v1", "Service", "services", "svc"},
    {"v1", "Endpoints", "endpoints", "ep"},
    {"v1", "Event", "events", "ev"},
    {"v1", "ConfigMap", "configmaps", "cm"},
    {"v1", "Secret", "secrets", ""},
    {"v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc"},
    {"v1", "Node", "nodes", "no", false},
    {"v1", "Namespace", "namespaces", "ns", false},
    {"apps/v1", "Deployment", "deployments", "deploy"},
    {"apps/v1", "ReplicaSet", "replicasets", "rs"},
    {"apps/v1", "StatefulSet", "statefulsets", "sts"},
    {"apps/v1", "DaemonSet", "daemonsets", "ds"},
    {"apps/v1", "ControllerRevision", "controllerrevisions", ""},
    {"autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"},
    {"batch/v1", "Job", "jobs", ""},
    {"networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol"},
    {"networking.k8s.io/v1", "Ingress", "ingresses", "ing"},
    {"chaos-mesh.org/v1alpha1", "StressChaos", "stresschaos", ""},
    {"chaos-mesh.org/v1alpha1", "NetworkChaos", "networkchaos", ""},
    {"chaos-mesh.org/v1alpha1", "PodChaos", "podchaos", ""},
    {"chaos-mesh.org/v1alpha1", "IOChaos", "iochaos", ""},
    {"chaos-mesh.org/v1alpha1", "TimeChaos", "timechaos", ""},
    {"chaos-mesh.org/v1alpha1", "DNSChaos", "dnschaos", ""},
    {"chaos-mesh.org/v1alpha1", "HTTPChaos", "httpchaos", ""},
};

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string group_of(const std::string& api_version) {
  const auto slash = api_version.find('/');
  return slash == std::string::npos ? "" : api_version.substr(0, slash);
}

api_kind from(const known& k) {
  return {k.api_version, k.kind, k.plural, k.namespaced};
}

} // namespace

std::string api_kind::path(const std::string& ns, const std::string& name) const {
  auto text = (api_version.find('/') == std::string::npos ? "/api/" : "/apis/") + api_version;
  if (namespaced && !ns.empty()) text += "/namespaces/" + ns;
  text += "/" + plural;
  return name.empty() ? text : text + "/" + name;
}

std::string api_kind::full_name() const {
  const auto group = group_of(api_version);
  return lower(kind) + (group.empty() ? "" : "." + group);
}

std::optional<api_kind> kind_by_word(const std::string& word) {
  const auto wanted = lower(word);
  const auto dot = wanted.find('.');
  const auto plain = wanted.substr(0, dot);
  for (const auto& k : all) {
    const bool fits = plain == k.plural || plain == lower(k.kind) ||
                      (*k.short_name != 0 && plain == k.short_name);
    if (!fits) continue;
    if (dot == std::string::npos || wanted.substr(dot + 1) == group_of(k.api_version))
      return from(k);
  }
  return std::nullopt;
}

api_kind kind_by_name(const std::string& api_version, const std::string& kind) {
  for (const auto& k : all) {
    if (api_version == k.api_version && kind == k.kind) return from(k);
  }
  auto plural = lower(kind);
  if (plural.ends_with("y"))
    plural = plural.substr(0, plural.size() - 1) + "ies";
  else if (plural.ends_with("s"))
    plural += plural.ends_with("chaos") ? "" : "es";
  else
    plural += "s";
  return {api_version, kind, plural, true};
}

} // namespace remed::agents

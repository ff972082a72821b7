// What the roles allow is plugin/pkg/auth/authorizer/rbac/bootstrappolicy of Kubernetes, for the
// kinds that are here.
#include "environments/embedded/default_roles.hpp"

#include <utility>

namespace remed::env {

namespace {

using names = std::vector<std::string>;

const names reading{"get", "list", "watch"};
const names writing{"create", "delete", "deletecollection", "patch", "update"};
const names everything{"create", "delete", "deletecollection", "get",
                       "list",   "patch",  "update",           "watch"};
constexpr const char* rbac = "rbac.authorization.k8s.io";

/// Group, and what viewers and editors of a namespace see and editors change in it.
const std::vector<std::pair<std::string, names>> shared{
    {"",
     {"configmaps", "endpoints", "persistentvolumeclaims", "pods", "replicationcontrollers",
      "replicationcontrollers/scale", "serviceaccounts", "services"}},
    {"apps",
     {"daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale",
      "statefulsets", "statefulsets/scale"}},
    {"autoscaling", {"horizontalpodautoscalers"}},
    {"batch", {"cronjobs", "jobs"}},
    {"networking.k8s.io", {"ingresses", "networkpolicies"}},
    {"policy", {"poddisruptionbudgets"}}};

/// Only to look at.
const std::vector<std::pair<std::string, names>> shown{
    {"",
     {"bindings", "events", "limitranges", "namespaces", "namespaces/status",
      "persistentvolumeclaims/status", "pods/log", "pods/status", "resourcequotas",
      "resourcequotas/status", "services/status"}},
    {"apps",
     {"controllerrevisions", "daemonsets/status", "deployments/status", "replicasets/status",
      "statefulsets/status"}},
    {"discovery.k8s.io", {"endpointslices"}},
    {"metrics.k8s.io", {"pods", "nodes"}}};

json rule(const std::string& group, const names& resources, const names& verbs) {
  auto out = json::object();
  out["apiGroups"] = names{group};
  out["resources"] = resources;
  out["verbs"] = verbs;
  return out;
}

json viewing() {
  auto out = json::array();
  for (const auto* part : {&shared, &shown}) {
    for (const auto& [group, resources] : *part) out.push_back(rule(group, resources, reading));
  }
  return out;
}

json editing() {
  auto out = viewing();
  out.push_back(rule(
      "",
      {"pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"},
      reading));
  out.push_back(rule(
      "",
      {"pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"},
      writing));
  out.push_back(rule("", {"serviceaccounts"}, {"impersonate"}));
  out.push_back(rule("", {"pods/eviction", "serviceaccounts/token"}, {"create"}));
  out.push_back(rule("apps", {"deployments/rollback"}, writing));
  for (const auto& [group, resources] : shared) out.push_back(rule(group, resources, writing));
  return out;
}

json administering() {
  auto out = editing();
  out.push_back(rule("authorization.k8s.io", {"localsubjectaccessreviews"}, {"create"}));
  out.push_back(rule(rbac, {"rolebindings", "roles"}, everything));
  return out;
}

json ruling() {
  auto out = json::array();
  out.push_back(rule("*", {"*"}, {"*"}));
  auto urls = json::object();
  urls["nonResourceURLs"] = names{"*"};
  urls["verbs"] = names{"*"};
  out.push_back(std::move(urls));
  return out;
}

json bootstrapped(const char* kind, const char* name) {
  auto out = json::object();
  out["apiVersion"] = std::string(rbac) + "/v1";
  out["kind"] = kind;
  out["metadata"]["name"] = name;
  out["metadata"]["labels"]["kubernetes.io/bootstrapping"] = "rbac-defaults";
  out["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "true";
  return out;
}

} // namespace

void install_default_roles(cluster& c) {
  const auto table = std::string("clusterroles.") + rbac,
             bindings = "clusterrolebindings." + std::string(rbac);
  for (const auto& [name, rules] :
       {std::pair{"cluster-admin", ruling()}, std::pair{"admin", administering()},
        std::pair{"edit", editing()}, std::pair{"view", viewing()}}) {
    if (c.objects().get(table, {"", name})) continue;
    auto role = bootstrapped("ClusterRole", name);
    role["rules"] = rules;
    c.put(table, std::move(role));
  }
  if (c.objects().get(bindings, {"", "cluster-admin"})) return;
  auto binding = bootstrapped("ClusterRoleBinding", "cluster-admin");
  binding["roleRef"] = {{"apiGroup", rbac}, {"kind", "ClusterRole"}, {"name", "cluster-admin"}};
  auto masters = json::object();
  masters["apiGroup"] = rbac;
  masters["kind"] = "Group";
  masters["name"] = "system:masters";
  binding["subjects"] = json::array({masters});
  c.put(bindings, std::move(binding));
}

} // namespace remed::env

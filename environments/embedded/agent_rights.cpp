#include "environments/embedded/agent_rights.hpp"

#include <utility>

namespace remed::env {

namespace {

using names = std::vector<std::string>;

const names reading = {"get", "list", "watch"};
const names writing = {"get", "list", "watch", "create", "update", "patch", "delete"};

json rule(const names& groups, const names& resources, const names& verbs) {
  auto out = json::object();
  out["apiGroups"] = groups;
  out["resources"] = resources;
  out["verbs"] = verbs;
  return out;
}

json make(const char* kind, const std::string& name, const std::string& ns, bool rbac = true) {
  auto out = json::object();
  out["apiVersion"] = rbac ? "rbac.authorization.k8s.io/v1" : "v1";
  out["kind"] = kind;
  out["metadata"]["name"] = name;
  if (!ns.empty()) out["metadata"]["namespace"] = ns;
  return out;
}

json namespace_rules(const names& extra_groups) {
  auto out = json::array();
  out.push_back(rule({""}, {"pods", "services", "configmaps", "endpoints"}, writing));
  out.push_back(rule({""},
                     {"pods/log", "pods/status", "events", "persistentvolumeclaims",
                      "replicationcontrollers", "resourcequotas", "limitranges", "serviceaccounts"},
                     reading));
  out.push_back(rule({""}, {"pods/exec", "pods/attach", "pods/portforward"}, {"get", "create"}));
  out.push_back(rule({""}, {"pods/proxy", "services/proxy"}, {"get", "create"}));
  out.push_back(rule({""}, {"pods/ephemeralcontainers"}, {"get", "patch", "update"}));
  out.push_back(rule({""}, {"pods/eviction"}, {"create"}));
  out.push_back(rule({"apps"},
                     {"deployments", "statefulsets", "daemonsets", "replicasets",
                      "deployments/scale", "statefulsets/scale", "replicasets/scale"},
                     writing));
  out.push_back(rule({"apps"}, {"controllerrevisions", "deployments/status"}, reading));
  out.push_back(rule({"batch"}, {"jobs", "cronjobs"}, writing));
  out.push_back(rule({"autoscaling"}, {"horizontalpodautoscalers"}, writing));
  out.push_back(rule({"policy"}, {"poddisruptionbudgets"}, writing));
  out.push_back(rule({"networking.k8s.io"}, {"networkpolicies", "ingresses"}, writing));
  out.push_back(rule({"discovery.k8s.io"}, {"endpointslices"}, reading));
  out.push_back(rule({"events.k8s.io"}, {"events"}, reading));
  out.push_back(rule({"metrics.k8s.io"}, {"pods"}, reading));
  if (!extra_groups.empty()) out.push_back(rule(extra_groups, {"*"}, {"*"}));
  return out;
}

json cluster_rules_of_agent() {
  auto out = json::array();
  out.push_back(rule({""}, {"nodes", "namespaces", "persistentvolumes"}, reading));
  out.push_back(rule({"metrics.k8s.io"}, {"nodes"}, reading));
  out.push_back(rule({"storage.k8s.io"}, {"storageclasses"}, reading));
  out.push_back(rule({"apiextensions.k8s.io"}, {"customresourcedefinitions"}, reading));
  return out;
}

json binding(const char* kind, const char* role_kind, const std::string& name,
             const std::string& ns, const std::string& account_ns) {
  auto out = make(kind, name, ns);
  auto subject = json::object();
  subject["kind"] = "ServiceAccount";
  subject["name"] = agent_account;
  subject["namespace"] = account_ns;
  out["subjects"] = json::array({subject});
  out["roleRef"]["apiGroup"] = "rbac.authorization.k8s.io";
  out["roleRef"]["kind"] = role_kind;
  out["roleRef"]["name"] = name;
  return out;
}

} // namespace

void grant_agent_rights(cluster& c, const std::string& ns, const names& extra_groups) {
  const std::string group = ".rbac.authorization.k8s.io";
  const std::string name = agent_account, wide = name + "-" + ns;
  c.put("serviceaccounts", make("ServiceAccount", name, ns, false));
  auto role = make("Role", name, ns);
  role["rules"] = namespace_rules(extra_groups);
  c.put("roles" + group, std::move(role));
  auto cluster_role = make("ClusterRole", wide, {});
  cluster_role["rules"] = cluster_rules_of_agent();
  c.put("clusterroles" + group, std::move(cluster_role));
  c.put("rolebindings" + group, binding("RoleBinding", "Role", name, ns, ns));
  c.put("clusterrolebindings" + group, binding("ClusterRoleBinding", "ClusterRole", wide, {}, ns));
}

} // namespace remed::env

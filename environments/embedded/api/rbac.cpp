#include "environments/embedded/api/rbac.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr auto cluster_bindings = "clusterrolebindings.rbac.authorization.k8s.io";
constexpr auto bindings = "rolebindings.rbac.authorization.k8s.io";
constexpr auto cluster_roles = "clusterroles.rbac.authorization.k8s.io";
constexpr auto roles = "roles.rbac.authorization.k8s.io";

using texts = std::vector<std::string>;

bool contains(const json& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool contains(const texts& list, const json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_subject(const identity& who, const texts& groups, const json& subject) {
  const auto& kind = at_path(subject, {"kind"});
  const auto& name = at_path(subject, {"name"});
  if (kind == "User") return name == who.user;
  if (kind == "Group") return contains(groups, name);
  return kind == "ServiceAccount" &&
         who.user == "system:serviceaccount:" + text_at(subject, {"namespace"}) + ":" +
                         text_at(subject, {"name"});
}

bool binds(const identity& who, const texts& groups, const json& binding) {
  for (const auto& s : at_path(binding, {"subjects"})) {
    if (is_subject(who, groups, s)) return true;
  }
  return false;
}

object role_behind(const store& objects, const json& binding, const std::string& ns) {
  auto cluster_wide = at_path(binding, {"roleRef", "kind"}) == "ClusterRole";
  return objects.get(cluster_wide ? cluster_roles : roles,
                     {cluster_wide ? "" : ns, text_at(binding, {"roleRef", "name"})});
}

/// Whether `f` says yes to one of the rules that the bindings of a table give an identity.
template <class F>
bool any_rule(const store& objects, const identity& who, const char* table, const std::string& ns,
              F f) {
  const auto groups = groups_of(who);
  for (const auto& binding : objects.list(table, ns)) {
    if (!binds(who, groups, *binding)) continue;
    const auto role = role_behind(objects, *binding, ns);
    if (!role) continue;
    for (const auto& rule : at_path(*role, {"rules"})) {
      if (f(rule)) return true;
    }
  }
  return false;
}

bool covers(const json& rule, const access& what) {
  static const std::string any = "*";
  auto one_of = [&](const char* field, const std::string& value) {
    const auto& list = at_path(rule, {field});
    return contains(list, any) || contains(list, value);
  };
  if (!one_of("verbs", what.verb) || !one_of("apiGroups", what.group)) return false;
  auto resource = what.subresource.empty() ? what.resource : what.resource + "/" + what.subresource;
  bool sub =
      !what.subresource.empty() && contains(at_path(rule, {"resources"}), "*/" + what.subresource);
  if (!one_of("resources", resource) && !sub) return false;
  const auto& names = at_path(rule, {"resourceNames"});
  return names.empty() || (!what.name.empty() && contains(names, what.name));
}

/// What every authenticated identity may do (system:basic-user).
bool is_basic(const access& what) {
  static const std::vector<std::string> reviews = {"selfsubjectaccessreviews",
                                                   "selfsubjectrulesreviews", "selfsubjectreviews"};
  return what.verb == "create" &&
         std::find(reviews.begin(), reviews.end(), what.resource) != reviews.end();
}

} // namespace

std::vector<std::string> groups_of(const identity& who) {
  auto out = who.groups;
  auto add = [&](const std::string& g) {
    if (std::find(out.begin(), out.end(), g) == out.end()) out.push_back(g);
  };
  auto parts = split(who.user, ':');
  if (parts.size() == 4 && parts[0] == "system" && parts[1] == "serviceaccount") {
    add("system:serviceaccounts");
    add("system:serviceaccounts:" + parts[2]);
  }
  add("system:authenticated");
  return out;
}

bool is_allowed(const store& objects, const identity& who, const access& what) {
  const auto& own = who.groups; // nobody gets this one by being somebody
  if (std::find(own.begin(), own.end(), "system:masters") != own.end() || is_basic(what))
    return true;
  auto suffices = [&](const json& rule) { return covers(rule, what); };
  return (!what.ns.empty() && any_rule(objects, who, bindings, what.ns, suffices)) ||
         any_rule(objects, who, cluster_bindings, "", suffices);
}

std::string forbidden_text(const identity& who, const access& what) {
  auto resource = what.subresource.empty() ? what.resource : what.resource + "/" + what.subresource;
  auto out = "User " + go_quote(who.user) + " cannot " + what.verb + " resource " +
             go_quote(resource) + " in API group " + go_quote(what.group);
  return out +
         (what.ns.empty() ? " at the cluster scope" : " in the namespace " + go_quote(what.ns));
}

json rules_of(const store& objects, const identity& who, const std::string& ns) {
  auto resources = json::array(), others = json::array();
  auto take = [&](const json& rule) {
    (rule.contains("nonResourceURLs") ? others : resources).push_back(rule);
    return false;
  };
  any_rule(objects, who, cluster_bindings, "", take);
  if (!ns.empty()) any_rule(objects, who, bindings, ns, take);
  resources.push_back({{"verbs", {"create"}},
                       {"apiGroups", {"authorization.k8s.io"}},
                       {"resources", {"selfsubjectaccessreviews", "selfsubjectrulesreviews"}}});
  resources.push_back({{"verbs", {"create"}},
                       {"apiGroups", {"authentication.k8s.io"}},
                       {"resources", {"selfsubjectreviews"}}});
  others.push_back({{"verbs", {"get"}},
                    {"nonResourceURLs",
                     {"/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
                      "/openapi/*", "/readyz", "/version", "/version/"}}});
  auto out = json::object();
  out["resourceRules"] = std::move(resources);
  out["nonResourceRules"] = std::move(others);
  out["incomplete"] = false;
  return out;
}

} // namespace remed::env

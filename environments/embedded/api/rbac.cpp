#include "environments/embedded/api/rbac.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr auto rbac_group = ".rbac.authorization.k8s.io";

bool contains(const json& list, const std::string& value) {
  return std::find(list.begin(), list.end(), json(value)) != list.end();
}

bool has_group(const identity& who, const std::string& group) {
  auto groups = groups_of(who);
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

bool is_subject(const identity& who, const json& subject) {
  auto kind = text_at(subject, {"kind"}), name = text_at(subject, {"name"});
  if (kind == "User") return name == who.user;
  if (kind == "Group") return has_group(who, name);
  return kind == "ServiceAccount" &&
         who.user == "system:serviceaccount:" + text_at(subject, {"namespace"}) + ":" + name;
}

bool binds(const identity& who, const json& binding) {
  for (const auto& s : at_path(binding, {"subjects"})) {
    if (is_subject(who, s)) return true;
  }
  return false;
}

json rules_behind(const store& objects, const json& binding, const std::string& ns) {
  auto cluster_wide = text_at(binding, {"roleRef", "kind"}) == "ClusterRole";
  auto table = std::string(cluster_wide ? "clusterroles" : "roles") + rbac_group;
  auto role = objects.get(table, {cluster_wide ? "" : ns, text_at(binding, {"roleRef", "name"})});
  return role ? role->value("rules", json::array()) : json::array();
}

/// All rules that reach an identity: cluster-wide ones, and those of `ns`.
std::vector<json> all_rules(const store& objects, const identity& who, const std::string& ns) {
  std::vector<json> out;
  auto add = [&](const json& rules) { out.insert(out.end(), rules.begin(), rules.end()); };
  for (const auto& b : objects.list(std::string("clusterrolebindings") + rbac_group)) {
    if (binds(who, *b)) add(rules_behind(objects, *b, ""));
  }
  if (ns.empty()) return out;
  for (const auto& b : objects.list(std::string("rolebindings") + rbac_group, ns)) {
    if (binds(who, *b)) add(rules_behind(objects, *b, ns));
  }
  return out;
}

bool covers(const json& rule, const access& what) {
  auto one_of = [&](const char* field, const std::string& value) {
    const auto& list = at_path(rule, {field});
    return contains(list, "*") || contains(list, value);
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
  if (has_group(who, "system:masters") || is_basic(what)) return true;
  auto rules = all_rules(objects, who, what.ns);
  return std::any_of(rules.begin(), rules.end(), [&](const json& r) { return covers(r, what); });
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
  for (const auto& rule : all_rules(objects, who, ns))
    (rule.contains("nonResourceURLs") ? others : resources).push_back(rule);
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

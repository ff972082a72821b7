#include "environments/embedded/api/rbac.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/key_mark.hpp"

#include <algorithm>
#include <utility>

namespace remed::env {

namespace {

constexpr auto roles = "roles.rbac.authorization.k8s.io";
constexpr auto cluster_roles = "clusterroles.rbac.authorization.k8s.io";
constexpr auto role_bindings = "rolebindings.rbac.authorization.k8s.io";
constexpr auto cluster_role_bindings = "clusterrolebindings.rbac.authorization.k8s.io";

bool is_text(const json& value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}

bool contains(const json& list, std::string_view value) {
  return std::any_of(list.begin(), list.end(),
                     [&](const json& one) { return is_text(one, value); });
}

/// Who asks, with its groups told once for all bindings.
struct subject_of {
  explicit subject_of(const identity& asks) : who(asks), groups(groups_of(asks)) {
    constexpr std::string_view prefix = "system:serviceaccount:";
    const std::string_view user = who.user;
    if (!user.starts_with(prefix)) return;
    const auto name_at = user.find(':', prefix.size());
    if (name_at == std::string_view::npos) return;
    account_ns = user.substr(prefix.size(), name_at - prefix.size());
    account = user.substr(name_at + 1);
  }

  const identity& who;
  std::vector<std::string> groups;
  std::string_view account_ns, account; ///< of a ServiceAccount

  bool has(std::string_view group) const {
    return std::find(groups.begin(), groups.end(), group) != groups.end();
  }

  bool is(const json& subject) const {
    const auto& kind = at_path(subject, {"kind"});
    const auto& name = at_path(subject, {"name"});
    if (is_text(kind, "User")) return is_text(name, who.user);
    if (is_text(kind, "Group")) return name.is_string() && has(name.get_ref<const std::string&>());
    return is_text(kind, "ServiceAccount") && !account.empty() && is_text(name, account) &&
           is_text(at_path(subject, {"namespace"}), account_ns);
  }

  bool is_bound(const json& binding) const {
    const auto& all = at_path(binding, {"subjects"});
    return std::any_of(all.begin(), all.end(), [&](const json& one) { return is(one); });
  }
};

const json& rules_behind(const store& objects, const json& binding, const std::string& ns) {
  auto cluster_wide = text_at(binding, {"roleRef", "kind"}) == "ClusterRole";
  auto role = objects.get(cluster_wide ? cluster_roles : roles,
                          {cluster_wide ? "" : ns, text_at(binding, {"roleRef", "name"})});
  static const json none = json::array();
  const auto found = role ? role->find("rules") : none.end();
  return role && found != role->end() ? *found : none; // the store holds the role
}

/// Whether `what` holds for one of the rules that reach an identity: cluster-wide ones, and those
/// of `ns`.
template <class Pred>
bool any_rule(const store& objects, const subject_of& who, const std::string& ns, Pred what) {
  auto any_behind = [&](const object& binding, const std::string& place) {
    if (!who.is_bound(*binding)) return false;
    const auto& rules = rules_behind(objects, *binding, place);
    return std::any_of(rules.begin(), rules.end(), what);
  };
  for (const auto& b : objects.list(cluster_role_bindings)) {
    if (any_behind(b, "")) return true;
  }
  if (ns.empty()) return false;
  for (const auto& b : objects.list(role_bindings, ns)) {
    if (any_behind(b, ns)) return true;
  }
  return false;
}

bool covers(const json& rule, const access& what) {
  auto one_of = [&](const char* field, std::string_view value) {
    const auto& list = at_path(rule, {field});
    return contains(list, "*") || contains(list, value);
  };
  if (!one_of("verbs", what.verb) || !one_of("apiGroups", what.group)) return false;
  if (what.subresource.empty()) {
    if (!one_of("resources", what.resource)) return false;
  } else if (!one_of("resources", what.resource + "/" + what.subresource) &&
             !contains(at_path(rule, {"resources"}), "*/" + what.subresource)) {
    return false;
  }
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
  const subject_of subject(who);
  if (subject.has("system:masters") || is_basic(what)) return true;
  return any_rule(objects, subject, what.ns, [&](const json& rule) { return covers(rule, what); });
}

void known_rights::catch_up(const store& objects) {
  bool same = true;
  auto look = [&](object_list& at, const char* table) {
    auto now = objects.list(table);
    same = same && now.shared() == at.shared();
    at = std::move(now);
  };
  look(rests_on_[0], roles);
  look(rests_on_[1], cluster_roles);
  look(rests_on_[2], role_bindings);
  look(rests_on_[3], cluster_role_bindings);
  if (!same) known_.clear();
}

void known_rights::reach::add(const json& rule) {
  auto end_of = [&](const char* field) {
    for (const auto& word : at_path(rule, {field}))
      if (word.is_string()) words.push_back(key_mark(word.get_ref<const std::string&>()));
    return words.size();
  };
  marked_rule out{&rule, 0, 0, 0};
  out.verbs = end_of("verbs");
  out.groups = end_of("apiGroups");
  out.resources = end_of("resources");
  rules.push_back(out);
}

/// Only rules that have the marks of all that is asked for are looked at themselves.
bool known_rights::reach::covers(const access& what) const {
  static const auto any = key_mark("*");
  const auto verb = key_mark(what.verb), group = key_mark(what.group);
  const bool whole = what.subresource.empty();
  const auto resource = key_mark(whole ? what.resource : what.resource + "/" + what.subresource);
  const auto any_sub = whole ? any : key_mark("*/" + what.subresource);
  std::size_t at = 0;
  auto one_of = [&](std::size_t end, std::uint64_t wanted, std::uint64_t other) {
    bool found = false;
    for (; at < end; ++at)
      found = found || words[at] == wanted || words[at] == other || words[at] == any;
    return found;
  };
  for (const auto& r : rules) {
    const bool verbs = one_of(r.verbs, verb, verb), groups_too = one_of(r.groups, group, group);
    if (one_of(r.resources, resource, any_sub) && verbs && groups_too &&
        env::covers(*r.rule, what)) {
      return true;
    }
  }
  return false;
}

const known_rights::reach& known_rights::reach_of(const store& objects, const identity& who,
                                                  const std::string& ns) {
  constexpr std::size_t most_known = 100;
  const auto found = std::find_if(known_.begin(), known_.end(), [&](const reach& one) {
    return one.ns == ns && one.user == who.user && one.groups == who.groups;
  });
  if (found != known_.end()) return *found;
  if (known_.size() == most_known) known_.clear();
  auto& out = known_.emplace_back();
  out.user = who.user;
  out.groups = who.groups;
  out.ns = ns;
  const subject_of subject(who);
  out.all = subject.has("system:masters");
  any_rule(objects, subject, ns, [&](const json& rule) {
    out.add(rule);
    return false; // all of them
  });
  return out;
}

bool known_rights::allow(const store& objects, const identity& who, const access& what) {
  catch_up(objects);
  const auto& rights = reach_of(objects, who, what.ns);
  return rights.all || is_basic(what) || rights.covers(what);
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
  any_rule(objects, subject_of(who), ns, [&](const json& rule) {
    (rule.contains("nonResourceURLs") ? others : resources).push_back(rule);
    return false; // all of them
  });
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

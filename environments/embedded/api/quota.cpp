#include "environments/embedded/api/quota.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

double amount_of(const json& container, const char* kind, const char* resource) {
  const auto& value = at_path(container, {"resources", kind, resource});
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get_ref<const std::string&>()).value_or(0) : 0;
}

/// Containers add up; init containers run one after the other.
double pod_amount(const json& pod, const char* kind, const char* resource) {
  double sum = 0, most = 0;
  for (const auto& one : at_path(pod, {"spec", "containers"}))
    sum += amount_of(one, kind, resource);
  for (const auto& one : at_path(pod, {"spec", "initContainers"})) {
    most = std::max(most, amount_of(one, kind, resource));
  }
  return std::max(sum, most);
}

bool in_scope(const json& pod, const std::string& scope) {
  bool ends = !at_path(pod, {"spec", "activeDeadlineSeconds"}).is_null();
  bool best_effort = text_at(pod, {"status", "qosClass"}) == "BestEffort";
  if (scope == "Terminating") return ends;
  if (scope == "NotTerminating") return !ends;
  if (scope == "BestEffort") return best_effort;
  if (scope == "NotBestEffort") return !best_effort;
  return true;
}

bool selects_priority(const json& pod, const json& expression) {
  auto op = text_at(expression, {"operator"});
  auto name = text_at(pod, {"spec", "priorityClassName"});
  const auto& values = at_path(expression, {"values"});
  bool in = std::find(values.begin(), values.end(), name) != values.end();
  if (op == "In") return in;
  if (op == "NotIn") return !in;
  return (op == "Exists") == !name.empty();
}

bool concerns_pod(const json& quota, const json& pod) {
  for (const auto& scope : at_path(quota, {"spec", "scopes"})) {
    if (!in_scope(pod, scope.get<std::string>())) return false;
  }
  for (const auto& one : at_path(quota, {"spec", "scopeSelector", "matchExpressions"})) {
    auto scope = text_at(one, {"scopeName"});
    if (scope == "PriorityClass" ? !selects_priority(pod, one) : !in_scope(pod, scope))
      return false;
  }
  return true;
}

struct pod_field {
  const char *name, *kind, *resource;
};
constexpr pod_field pod_fields[] = {{"cpu", "requests", "cpu"},
                                    {"memory", "requests", "memory"},
                                    {"requests.cpu", "requests", "cpu"},
                                    {"requests.memory", "requests", "memory"},
                                    {"requests.ephemeral-storage", "requests", "ephemeral-storage"},
                                    {"limits.cpu", "limits", "cpu"},
                                    {"limits.memory", "limits", "memory"},
                                    {"limits.ephemeral-storage", "limits", "ephemeral-storage"}};

void count_pod(const json& quota, const json& pod, quota_amounts& out) {
  auto phase = text_at(pod, {"status", "phase"});
  if (!concerns_pod(quota, pod)) return;
  out["count/pods"] = 1;
  if (phase == "Succeeded" || phase == "Failed") return;
  out["pods"] = 1;
  for (const auto& field : pod_fields)
    out[field.name] = pod_amount(pod, field.kind, field.resource);
}

void count_service(const json& service, quota_amounts& out) {
  auto type = text_at(service, {"spec", "type"}, "ClusterIP");
  out["services"] = 1;
  if (type == "LoadBalancer") out["services.loadbalancers"] = 1;
  if (type == "NodePort" || type == "LoadBalancer") {
    out["services.nodeports"] = static_cast<double>(at_path(service, {"spec", "ports"}).size());
  }
}

void count_claim(const json& claim, quota_amounts& out) {
  auto size = parse_quantity(text_at(claim, {"spec", "resources", "requests", "storage"}, "0"));
  auto of_class = text_at(claim, {"spec", "storageClassName"}) + ".storageclass.storage.k8s.io/";
  out["persistentvolumeclaims"] = out[of_class + "persistentvolumeclaims"] = 1;
  out["requests.storage"] = out[of_class + "requests.storage"] = size.value_or(0);
}

/// The table behind a name of spec.hard; empty: none.
std::string table_of(const std::string& name) {
  static const std::set<std::string> plain{"services",
                                           "secrets",
                                           "configmaps",
                                           "resourcequotas",
                                           "replicationcontrollers",
                                           "persistentvolumeclaims"};
  if (name.starts_with("count/")) return name.substr(6);
  if (name.starts_with("services.")) return "services";
  if (name == "requests.storage" || name.find(".storageclass.") != std::string::npos)
    return "persistentvolumeclaims";
  return plain.count(name) ? name : "pods";
}

/// Containers that leave out what a quota on it demands.
std::string unspecified(const json& quota, const json& pod) {
  std::vector<std::string> out;
  for (const auto& field : pod_fields) {
    if (!at_path(quota, {"spec", "hard"}).contains(field.name)) continue;
    std::vector<std::string> names;
    for (const char* list : {"containers", "initContainers"}) {
      for (const auto& one : at_path(pod, {"spec", list})) {
        bool given = !at_path(one, {"resources", field.kind, field.resource}).is_null();
        if (!given) names.push_back(text_at(one, {"name"}));
      }
    }
    if (!names.empty()) out.push_back(std::string(field.name) + " for: " + join(names, ","));
  }
  std::sort(out.begin(), out.end());
  return join(out, "; ");
}

} // namespace

quota_amounts quota_usage_of(const json& quota, const resource_name& resource, const json& obj) {
  quota_amounts out;
  if (resource == "pods")
    count_pod(quota, obj, out);
  else if (resource == "services")
    count_service(obj, out);
  else if (resource == "persistentvolumeclaims")
    count_claim(obj, out);
  else
    out[resource] = 1;
  if (resource != "pods") out["count/" + resource] = 1;
  const auto& hard = at_path(quota, {"spec", "hard"});
  std::erase_if(out, [&](const auto& one) { return !hard.contains(one.first); });
  return out;
}

quota_amounts quota_usage(const cluster& c, const json& quota) {
  quota_amounts out;
  std::set<std::string> tables;
  for (const auto& [name, limit] : at_path(quota, {"spec", "hard"}).items()) {
    out[name] = 0;
    tables.insert(table_of(name));
  }
  for (const auto& table : tables) {
    for (const auto& obj : c.objects().list(table, text_at(quota, {"metadata", "namespace"}))) {
      for (const auto& [name, amount] : quota_usage_of(quota, table, *obj)) out[name] += amount;
    }
  }
  return out;
}

std::string quota_text(const std::string& name, double amount) {
  bool bytes =
      name.find("memory") != std::string::npos || name.find("storage") != std::string::npos;
  return bytes && name.find("persistentvolumeclaims") == std::string::npos
             ? binary_quantity(amount)
             : decimal_quantity(amount);
}

std::string quota_refusal(const cluster& c, const resource_name& resource, const json& obj) {
  auto ns = text_at(obj, {"metadata", "namespace"});
  for (const auto& quota : c.objects().list("resourcequotas", ns)) {
    auto wanted = quota_usage_of(*quota, resource, obj);
    if (wanted.empty()) continue;
    auto name = text_at(*quota, {"metadata", "name"});
    if (resource == "pods") {
      if (auto missing = unspecified(*quota, obj); !missing.empty()) {
        return "failed quota: " + name + ": must specify " + missing;
      }
    }
    auto used = quota_usage(c, *quota);
    std::vector<std::string> asked, taken, limits;
    for (const auto& [what, amount] : wanted) {
      auto limit = parse_quantity(text_at(*quota, {"spec", "hard", what}, "0")).value_or(0);
      if (amount == 0 || used[what] + amount <= limit + 1e-9) continue;
      asked.push_back(what + "=" + quota_text(what, amount));
      taken.push_back(what + "=" + quota_text(what, used[what]));
      limits.push_back(what + "=" + text_at(*quota, {"spec", "hard", what}));
    }
    if (!asked.empty()) {
      return "exceeded quota: " + name + ", requested: " + join(asked, ",") +
             ", used: " + join(taken, ",") + ", limited: " + join(limits, ",");
    }
  }
  return {};
}

} // namespace remed::env

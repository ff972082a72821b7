#include "environments/embedded/controllers/objects.hpp"

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

const json nothing = nullptr;

bool matches_expression(const json& expression, const json& labels) {
  auto key = expression.value("key", "");
  auto op = expression.value("operator", "");
  bool has = labels.is_object() && labels.contains(key);
  if (op == "Exists") return has;
  if (op == "DoesNotExist") return !has;
  const auto& values = at_path(expression, {"values"});
  bool in = has && std::find(values.begin(), values.end(), labels[key]) != values.end();
  return op == "In" ? in : op == "NotIn" ? !in : false;
}

} // namespace

std::string key_text(const object_key& key) {
  return key.ns + "/" + key.name;
}

object_key parse_key(const std::string& text) {
  auto slash = text.find('/');
  return {text.substr(0, slash), text.substr(slash + 1)};
}

/// Whether all members of a map are among the labels. Looked at for each pod of a namespace.
static bool are_among(const json& wanted, const json& labels) {
  if (!wanted.is_object() || wanted.empty()) return true;
  if (!labels.is_object()) return false;
  const auto& members = wanted.get_ref<const json::object_t&>();
  return std::all_of(members.begin(), members.end(), [&](const auto& one) {
    auto found = labels.find(one.first);
    return found != labels.end() && *found == one.second;
  });
}

bool selects(const json& label_selector, const json& labels) {
  if (!are_among(at_path(label_selector, {"matchLabels"}), labels)) return false;
  for (const auto& expression : at_path(label_selector, {"matchExpressions"})) {
    if (!matches_expression(expression, labels)) return false;
  }
  return true;
}

bool selects_by_map(const json& wanted, const json& labels) {
  return wanted.is_object() && !wanted.empty() && are_among(wanted, labels);
}

const json& controller_of(const json& obj) {
  for (const auto& ref : at_path(obj, {"metadata", "ownerReferences"})) {
    auto is = ref.find("controller"); // looked at very often: no copies
    if (is != ref.end() && *is == true) return ref;
  }
  return nothing;
}

json owner_reference(const json& owner) {
  auto ref = json::object();
  ref["apiVersion"] = owner.value("apiVersion", "");
  ref["kind"] = owner.value("kind", "");
  ref["name"] = text_at(owner, {"metadata", "name"});
  ref["uid"] = text_at(owner, {"metadata", "uid"});
  ref["controller"] = true;
  ref["blockOwnerDeletion"] = true;
  return ref;
}

std::vector<object> owned(const cluster& c, const resource_name& resource, const json& owner) {
  auto uid = text_at(owner, {"metadata", "uid"});
  const auto mark = mark_of(uid);
  const auto all = c.objects().list(resource, text_at(owner, {"metadata", "namespace"}));
  return all.where([&](const auto& one) {
    const auto& known = facts_of(one);
    return !known.owner.empty() && known.owner_mark == mark && known.owner == uid;
  });
}

bool is_deleting(const json& obj) {
  return at_path(obj, {"metadata"}).contains("deletionTimestamp");
}

void delete_object(cluster& c, const resource_name& resource, const object_key& key) {
  auto obj = c.objects().get(resource, key);
  if (!obj || is_deleting(*obj)) return;
  auto phase = text_at(*obj, {"status", "phase"});
  bool graceful = resource == "pods" && !text_at(*obj, {"spec", "nodeName"}).empty() &&
                  phase != "Succeeded" && phase != "Failed";
  auto grace = graceful ? int_at(*obj, {"spec", "terminationGracePeriodSeconds"}, 30) : 0;
  if (!graceful && at_path(*obj, {"metadata", "finalizers"}).empty()) {
    c.erase(resource, key);
    return;
  }
  auto now = *obj;
  now["metadata"]["deletionTimestamp"] = rfc3339(c.now() + std::chrono::seconds{grace});
  now["metadata"]["deletionGracePeriodSeconds"] = grace;
  c.put(resource, std::move(now));
}

const json& condition_of(const json& obj, const std::string& type) {
  for (const auto& one : at_path(obj, {"status", "conditions"})) {
    if (text_at(one, {"type"}) == type) return one;
  }
  return nothing;
}

void set_condition(json& status, const std::string& type, bool value, const std::string& reason,
                   const std::string& message, vtime now) {
  auto& all = status["conditions"];
  if (!all.is_array()) all = json::array();
  auto one = json::object();
  one["type"] = type;
  one["status"] = value ? "True" : "False";
  one["reason"] = reason;
  one["message"] = message;
  one["lastTransitionTime"] = rfc3339(now);
  for (auto& old : all) {
    if (text_at(old, {"type"}) != type) continue;
    if (old["status"] == one["status"]) one["lastTransitionTime"] = old["lastTransitionTime"];
    old = std::move(one);
    return;
  }
  all.push_back(std::move(one));
}

bool pod_is_ready(const json& pod) {
  return text_at(condition_of(pod, "Ready"), {"status"}) == "True";
}

bool pod_is_available(const json& pod, duration min_ready, vtime now, vtime* later) {
  if (!pod_is_ready(pod)) return false;
  if (min_ready == duration{0}) return true;
  auto since = parse_time(text_at(condition_of(pod, "Ready"), {"lastTransitionTime"}));
  if (!since) return false;
  if (later && *since + min_ready > now) *later = *since + min_ready;
  return *since + min_ready <= now;
}

bool pod_is_active(const json& pod) {
  auto phase = text_at(pod, {"status", "phase"});
  return phase != "Succeeded" && phase != "Failed" && !is_deleting(pod);
}

std::vector<resource_name> known_resources(const cluster& c) {
  static const std::vector<resource_name> builtin = [] {
    std::set<resource_name> seen;
    std::vector<resource_name> out;
    for (const auto& type : builtin_resources()) {
      if (type.has_verb("list") && seen.insert(type.table()).second) out.push_back(type.table());
    }
    return out;
  }();
  auto out = builtin;
  for (const auto& crd : c.objects().list("customresourcedefinitions.apiextensions.k8s.io")) {
    out.push_back(text_at(*crd, {"metadata", "name"}));
  }
  return out;
}

bool is_namespaced(const cluster& c, const resource_name& resource) {
  static const std::set<resource_name> cluster_wide = [] {
    std::set<resource_name> out;
    for (const auto& type : builtin_resources()) {
      if (!type.namespaced) out.insert(type.table());
    }
    return out;
  }();
  if (cluster_wide.count(resource)) return false;
  auto crd = c.objects().get("customresourcedefinitions.apiextensions.k8s.io", {"", resource});
  return !crd || text_at(*crd, {"spec", "scope"}) != "Cluster";
}

std::string short_hash(const std::string& text) {
  std::uint32_t h = 2166136261U; // FNV-1a
  for (unsigned char ch : text) h = (h ^ ch) * 16777619U;
  static constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
  auto digits = std::to_string(h);
  for (auto& ch : digits) ch = alphabet[static_cast<unsigned char>(ch) % alphabet.size()];
  return digits;
}

} // namespace remed::env

#include "environments/embedded/api/prepare.hpp"

#include "environments/embedded/api/addresses.hpp"
#include "environments/embedded/api/apply.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/sameness.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

constexpr const char* token_mount = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Defaults that follow from other fields and so are no constants.
void derive_container(json& c) {
  if (!c.contains("imagePullPolicy")) {
    auto image = text_at(c, {"image"});
    auto name = image.substr(image.rfind('/') == std::string::npos ? 0 : image.rfind('/') + 1);
    auto colon = name.rfind(':');
    bool latest = colon == std::string::npos ? name.find('@') == std::string::npos
                                             : name.substr(colon) == ":latest";
    c["imagePullPolicy"] = latest ? "Always" : "IfNotPresent";
  }
  if (!c.contains("resources") || !c["resources"].is_object()) return;
  auto& resources = c["resources"];
  if (at_path(resources, {"limits"}).empty()) return;
  auto& requests = resources["requests"];
  for (const auto& [name, value] : resources.at("limits").items()) {
    if (!requests.contains(name)) requests[name] = value;
  }
}

void derive_pod_spec(json& spec) {
  for (auto* list : {"initContainers", "containers"}) {
    if (!spec.contains(list) || !spec[list].is_array()) continue;
    for (auto& c : spec[list]) {
      if (c.is_object()) derive_container(c);
    }
  }
  auto account = text_at(spec, {"serviceAccountName"}, text_at(spec, {"serviceAccount"}));
  if (!account.empty()) spec["serviceAccount"] = spec["serviceAccountName"] = account;
}

/// The PodSpec inside an object of any kind, or none.
json* find_pod_spec(const resource_type& type, json& obj) {
  auto* at = &obj;
  std::vector<const char*> path = {"spec", "template", "spec"};
  if (type.table() == "pods") path = {"spec"};
  if (type.kind == "CronJob") path = {"spec", "jobTemplate", "spec", "template", "spec"};
  for (auto* name : path) {
    if (!at->is_object() || !at->contains(name)) return nullptr;
    at = &(*at)[name];
  }
  return at->is_object() ? at : nullptr;
}

void derive_service(json& obj) {
  auto& spec = obj["spec"];
  if (!spec.contains("ports") || !spec["ports"].is_array()) return;
  for (auto& port : spec["ports"]) {
    if (port.is_object() && !port.contains("targetPort") && port.contains("port")) {
      port["targetPort"] = port["port"];
    }
  }
}

void derive_secret(json& obj) {
  if (!obj.contains("stringData")) return;
  const auto plain = std::move(obj["stringData"]);
  obj.erase("stringData");
  for (const auto& [key, value] : plain.items()) {
    if (value.is_string()) obj["data"][key] = base64_encode(value.get<std::string>());
  }
}

void mount_token(cluster& c, json& spec) {
  const auto& volumes = at_path(spec, {"volumes"});
  bool there = std::any_of(volumes.begin(), volumes.end(), [](const json& v) {
    return text_at(v, {"name"}).rfind("kube-api-access-", 0) == 0;
  });
  if (there || !spec.value("automountServiceAccountToken", true)) return;
  auto name = "kube-api-access-" + c.random().name_suffix(5);
  static const json sources = json::parse(R"([
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [{"path": "namespace",
      "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}])");
  auto volume = json::object();
  volume["name"] = name;
  volume["projected"] = {{"sources", sources}, {"defaultMode", 420}};
  spec["volumes"].push_back(std::move(volume));
  for (auto* list : {"initContainers", "containers"}) {
    if (!spec.contains(list)) continue;
    for (auto& container : spec[list]) {
      auto mount = json::object();
      mount["name"] = name;
      mount["readOnly"] = true;
      mount["mountPath"] = token_mount;
      container["volumeMounts"].push_back(std::move(mount));
    }
  }
}

/// ServiceAccount, DefaultTolerationSeconds and Priority admission.
void admit_pod(cluster& c, json& obj) {
  auto& spec = obj["spec"];
  if (!spec.contains("containers") || !spec["containers"].is_array()) return;
  if (text_at(spec, {"serviceAccountName"}).empty()) spec["serviceAccountName"] = "default";
  spec["serviceAccount"] = spec["serviceAccountName"];
  mount_token(c, spec);
  for (auto* key : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    auto& list = spec["tolerations"];
    if (list.is_null()) list = json::array();
    bool there = std::any_of(list.begin(), list.end(),
                             [&](const json& t) { return text_at(t, {"key"}) == key; });
    if (!there) {
      list.push_back({{"key", key},
                      {"operator", "Exists"},
                      {"effect", "NoExecute"},
                      {"tolerationSeconds", 300}});
    }
  }
  if (!spec.contains("priority")) spec["priority"] = 0;
  if (!spec.contains("preemptionPolicy")) spec["preemptionPolicy"] = "PreemptLowerPriority";
}

constexpr const char* template_generation = "deprecated.daemonset.template.generation";

/// StorageObjectInUseProtection: what is in use is not removed under its user.
void protect_storage(const resource_name& table, json& obj) {
  auto name =
      table == "persistentvolumes" ? "kubernetes.io/pv-protection" : "kubernetes.io/pvc-protection";
  auto& all = obj["metadata"]["finalizers"];
  if (!all.is_array()) all = json::array();
  if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
}

void derive_crd(json& obj) {
  auto& names = obj["spec"]["names"];
  if (!names.is_object()) return;
  auto kind = text_at(names, {"kind"});
  if (!names.contains("listKind")) names["listKind"] = kind + "List";
  if (names.contains("singular")) return;
  for (auto& letter : kind)
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  names["singular"] = kind;
}

/// Until the names are accepted.
void begin_crd(json& obj) {
  auto& status = obj["status"] = json::object();
  status["conditions"] = nullptr;
  status["acceptedNames"] = {{"plural", ""}, {"kind", ""}};
  status["storedVersions"] = json::array();
  for (const auto& v : at_path(obj, {"spec", "versions"})) {
    if (v.value("storage", false)) status["storedVersions"].push_back(v.value("name", ""));
  }
}

bool counts_generations(const resource_type& type) {
  static const std::set<std::string> kinds = {"Deployment",
                                              "ReplicaSet",
                                              "StatefulSet",
                                              "DaemonSet",
                                              "Job",
                                              "CronJob",
                                              "Ingress",
                                              "NetworkPolicy",
                                              "PodDisruptionBudget",
                                              "CustomResourceDefinition",
                                              "ReplicationController",
                                              "ValidatingWebhookConfiguration",
                                              "MutatingWebhookConfiguration"};
  return type.custom || kinds.count(type.kind) > 0;
}

/// Status is not a client's to write in a create or an ordinary update.
void reset_status(const resource_type& type, json& obj) {
  if (type.has_status() && type.table() != "nodes" && type.table() != "persistentvolumes") {
    obj.erase("status");
  }
}

/// Whether what counts for generation is the same: all but metadata and status.
bool same_wish(const json& before, const json& after) {
  return same_but(before, after, {"metadata", "status", "apiVersion", "kind"});
}

} // namespace

std::string qos_class(const json& spec) {
  bool any = false, guaranteed = true;
  for (const auto& c : at_path(spec, {"containers"})) {
    for (auto* name : {"cpu", "memory"}) {
      const auto& limit = at_path(c, {"resources", "limits", name});
      const auto& request = at_path(c, {"resources", "requests", name});
      any = any || !limit.is_null() || !request.is_null();
      guaranteed = guaranteed && !limit.is_null() && (request.is_null() || request == limit);
    }
  }
  return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

void fill_defaults(const resource_type& type, json& obj) {
  if (type.schema) apply_defaults(*type.schema, obj);
  auto* spec = find_pod_spec(type, obj);
  if (spec) derive_pod_spec(*spec);
  auto table = type.table();
  if (table == "pods" && spec && !spec->contains("enableServiceLinks")) {
    (*spec)["enableServiceLinks"] = true;
  } else if (table == "services") {
    derive_service(obj);
  } else if (table == "secrets") {
    derive_secret(obj);
  } else if (type.kind == "CustomResourceDefinition" && !type.custom) {
    derive_crd(obj);
  } else if (table == "namespaces") {
    auto name = text_at(obj, {"metadata", "name"});
    if (!name.empty()) obj["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
  }
}

void prepare_create(cluster& c, const resource_type& type, json& obj) {
  obj["apiVersion"] = type.api_version();
  obj["kind"] = type.kind;
  auto& meta = obj["metadata"];
  for (auto* name : {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
                     "deletionGracePeriodSeconds", "selfLink", "generation"}) {
    meta.erase(name);
  }
  if (text_at(meta, {"name"}).empty() && !text_at(meta, {"generateName"}).empty()) {
    meta["name"] = text_at(meta, {"generateName"}).substr(0, 58) + c.random().name_suffix(5);
  }
  meta["uid"] = c.random().uuid();
  meta["creationTimestamp"] = rfc3339(c.now());
  if (counts_generations(type)) meta["generation"] = 1;
  reset_status(type, obj);
  fill_defaults(type, obj);
  auto table = type.table();
  if (table == "pods") {
    admit_pod(c, obj);
    obj["status"]["qosClass"] = qos_class(obj["spec"]);
  } else if (table == "services") {
    allot_addresses(c, obj);
  } else if (table == "persistentvolumeclaims" || table == "persistentvolumes") {
    protect_storage(table, obj);
  } else if (table == "daemonsets.apps") {
    obj["metadata"]["annotations"][template_generation] = "1";
  } else if (table == "namespaces") {
    if (!obj["spec"].contains("finalizers")) {
      obj["spec"]["finalizers"] = json::array({"kubernetes"});
    }
  } else if (type.kind == "CustomResourceDefinition") {
    begin_crd(obj);
  } else if (table == "jobs.batch" && !at_path(obj, {"spec"}).contains("selector")) {
    auto uid = obj["metadata"]["uid"];
    auto& labels = obj["spec"]["template"]["metadata"]["labels"];
    labels["batch.kubernetes.io/controller-uid"] = labels["controller-uid"] = uid;
    labels["batch.kubernetes.io/job-name"] = labels["job-name"] =
        text_at(obj, {"metadata", "name"});
    obj["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"] = uid;
  }
}

void prepare_update(const resource_type& type, const json& before, json& after,
                    std::string_view subresource) {
  after["apiVersion"] = type.api_version();
  after["kind"] = type.kind;
  if (subresource == "status") {
    auto status = after.value("status", json::object());
    auto managed = at_path(after, {"metadata", "managedFields"});
    after = before;
    after["status"] = std::move(status);
    if (managed.is_array()) after["metadata"]["managedFields"] = managed;
    if (type.schema) apply_defaults(*type.schema, after);
    return;
  }
  auto& meta = after["metadata"];
  for (auto* name : {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                     "generation", "namespace", "name", "generateName"}) {
    const auto& old = at_path(before, {"metadata", name});
    if (old.is_null())
      meta.erase(name);
    else
      meta[name] = old;
  }
  bool writes_status = type.custom && !type.has_status();
  if (type.has_status() && !writes_status) {
    if (before.contains("status"))
      after["status"] = before["status"];
    else
      after.erase("status");
  }
  if (type.table() == "services") {
    for (auto* name : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      const auto& old = at_path(before, {"spec", name});
      if (!old.is_null() && !at_path(after, {"spec"}).contains(name) &&
          text_at(after, {"spec", "type"}) != "ExternalName") {
        after["spec"][name] = old;
      }
    }
  }
  fill_defaults(type, after);
  if (type.table() == "daemonsets.apps") {
    auto n =
        std::strtoll(text_at(before, {"metadata", "annotations", template_generation}, "1").c_str(),
                     nullptr, 10);
    bool moved = at_path(before, {"spec", "template"}) != at_path(after, {"spec", "template"});
    after["metadata"]["annotations"][template_generation] = std::to_string(n + (moved ? 1 : 0));
  }
  if (!counts_generations(type)) return;
  auto changed = !same_wish(before, after) ||
                 (writes_status && at_path(before, {"status"}) != at_path(after, {"status"}));
  // The deployment controller copies annotations, so they count for it.
  if (type.kind == "Deployment" && !type.custom) {
    changed = changed || at_path(before, {"metadata", "annotations"}) !=
                             at_path(after, {"metadata", "annotations"});
  }
  after["metadata"]["generation"] =
      int_at(before, {"metadata", "generation"}, 1) + (changed ? 1 : 0);
}

json prepared(cluster& c, const resource_name& table, json obj) {
  auto type = find_table(c.objects(), table);
  if (!type) return obj;
  auto status = obj.value("status", json());
  fill_defaults(*type, obj);
  // Owned is what the controller said, not what admission added.
  if (!c.writer().empty()) record_component(table, c.writer(), c.now(), nullptr, obj);
  prepare_create(c, *type, obj);
  if (!status.is_null()) obj["status"].update(status);
  return obj;
}

} // namespace remed::env

#include "environments/embedded/api/validation.hpp"

#include "environments/embedded/api/field_rules.hpp"
#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/sameness.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace remed::env {

namespace {

using errors_out = std::vector<field_error>;

void check_not_negative(const json& obj, const char* field, errors_out& out) {
  const auto& value = at_path(obj, {"spec", field});
  if (value.is_number() && value.get<std::int64_t>() < 0) {
    out.push_back(
        invalid(std::string("spec.") + field, value, "must be greater than or equal to 0"));
  }
}

/// Deployment, ReplicaSet, StatefulSet, DaemonSet: a selector over a pod template.
void check_workload(const resource_type& type, const json& obj, errors_out& out) {
  for (auto* f : {"replicas", "minReadySeconds", "revisionHistoryLimit"})
    check_not_negative(obj, f, out);
  const auto& selector = at_path(obj, {"spec", "selector"});
  const auto& labels = at_path(obj, {"spec", "template", "metadata", "labels"});
  if (selector.is_null()) {
    out.push_back(required("spec.selector"));
  } else if (selector.empty()) {
    auto kind = type.kind;
    kind[0] = static_cast<char>(std::tolower(kind[0]));
    out.push_back(invalid(
        "spec.selector", selector,
        "empty selector is invalid for " + (type.kind == "StatefulSet" ? "statefulset" : kind)));
  }
  if (selector.is_null() || !matches_selector(selector, labels)) {
    out.push_back(invalid("spec.template.metadata.labels",
                          labels.is_null() ? json::object() : labels,
                          "`selector` does not match template `labels`"));
  }
  validate_labels(labels, "spec.template.metadata.labels", out);
  auto spec = at_path(obj, {"spec", "template", "spec"});
  // What a StatefulSet claims for each member is a volume of the template.
  for (const auto& claim : at_path(obj, {"spec", "volumeClaimTemplates"})) {
    auto volume = json::object();
    volume["name"] = text_at(claim, {"metadata", "name"});
    volume["emptyDir"] = json::object();
    spec["volumes"].push_back(std::move(volume));
  }
  validate_pod_spec(spec, "spec.template.spec", out);
  auto restart = text_at(spec, {"restartPolicy"}, "Always");
  if (restart != "Always") {
    out.push_back(not_supported("spec.template.spec.restartPolicy", restart, {"Always"}));
  }
}

void check_strategy(const json& obj, errors_out& out) {
  auto type = text_at(obj, {"spec", "strategy", "type"}, "RollingUpdate");
  if (type != "RollingUpdate" && type != "Recreate") {
    out.push_back(not_supported("spec.strategy.type", type, {"Recreate", "RollingUpdate"}));
  }
  const auto& rolling = at_path(obj, {"spec", "strategy", "rollingUpdate"});
  if (type == "Recreate" && !rolling.is_null()) {
    out.push_back(forbidden_field("spec.strategy.rollingUpdate",
                                  "may not be specified when strategy `type` is 'Recreate'"));
  }
  auto zero = [](const json& v) { return v == 0 || v == "0%" || v == "0"; };
  if (rolling.is_object() && zero(rolling.value("maxUnavailable", json("25%"))) &&
      zero(rolling.value("maxSurge", json("25%")))) {
    out.push_back(invalid("spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"],
                          "may not be 0 when `maxSurge` is 0"));
  }
}

void check_service(const json& obj, errors_out& out) {
  auto type = text_at(obj, {"spec", "type"}, "ClusterIP");
  static const std::vector<std::string> types = {"ClusterIP", "ExternalName", "LoadBalancer",
                                                 "NodePort"};
  const auto& ports = at_path(obj, {"spec", "ports"});
  if (type != "ExternalName" && text_at(obj, {"spec", "clusterIP"}) != "None" && ports.empty()) {
    out.push_back(required("spec.ports"));
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    auto here = "spec.ports[" + std::to_string(i) + "]";
    auto name = text_at(ports[i], {"name"});
    if (name.empty() && ports.size() > 1)
      out.push_back(required(here + ".name"));
    else if (!name.empty() && !names.insert(name).second)
      out.push_back(duplicate(here + ".name", name));
    auto port = int_at(ports[i], {"port"});
    if (port < 1 || port > 65535) {
      out.push_back(invalid(here + ".port", port, "must be between 1 and 65535, inclusive"));
    }
    auto protocol = text_at(ports[i], {"protocol"}, "TCP");
    if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") {
      out.push_back(not_supported(here + ".protocol", protocol, {"SCTP", "TCP", "UDP"}));
    }
    auto node_port = int_at(ports[i], {"nodePort"});
    if (node_port != 0 && (node_port < 30000 || node_port > 32767)) {
      out.push_back(invalid(here + ".nodePort", node_port,
                            "provided port is not in the valid range. The range of valid ports is "
                            "30000-32767"));
    }
  }
  if (std::find(types.begin(), types.end(), type) == types.end()) {
    out.push_back(not_supported("spec.type", type, types));
  }
  validate_labels(at_path(obj, {"spec", "selector"}), "spec.selector", out);
}

void check_data_keys(const json& obj, errors_out& out) {
  for (auto* list : {"data", "binaryData"}) {
    for (const auto& [key, value] : at_path(obj, {list}).items()) {
      bool good = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '-' || c == '_' || c == '.';
      });
      if (good) continue;
      out.push_back(
          invalid(std::string(list) + "[" + key + "]", key,
                  "a valid config key must consist of alphanumeric characters, '-', '_' or "
                  "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
                  "validation is '[-._a-zA-Z0-9]+')"));
    }
  }
}

/// What a Secret of a well-known type must hold.
void check_secret(const json& obj, errors_out& out) {
  static const std::map<std::string, std::vector<std::string>> needed{
      {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
      {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}},
      {"kubernetes.io/dockercfg", {".dockercfg"}},
      {"kubernetes.io/ssh-auth", {"ssh-privatekey"}},
  };
  auto type = text_at(obj, {"type"});
  const auto& data = at_path(obj, {"data"});
  if (auto found = needed.find(type); found != needed.end()) {
    for (const auto& key : found->second) {
      if (!data.contains(key)) out.push_back(required("data[" + key + "]"));
    }
  } else if (type == "kubernetes.io/basic-auth") {
    if (data.contains("username") || data.contains("password")) return;
    out.push_back(required("data[username]"));
    out.push_back(required("data[password]"));
  } else if (type == "kubernetes.io/service-account-token") {
    constexpr const char* account = "kubernetes.io/service-account.name";
    if (text_at(obj, {"metadata", "annotations", account}).empty())
      out.push_back(required(std::string("metadata.annotations[") + account + "]"));
  }
}

void check_claim(const json& obj, errors_out& out) {
  if (at_path(obj, {"spec", "resources", "requests", "storage"}).is_null())
    out.push_back(required("spec.resources[storage]"));
}

void check_autoscaler(const json& obj, errors_out& out) {
  auto least = int_at(obj, {"spec", "minReplicas"}, 1), most = int_at(obj, {"spec", "maxReplicas"});
  if (least < 1) {
    out.push_back(invalid("spec.minReplicas", least, "must be greater than or equal to 1"));
  }
  if (most < 1) {
    out.push_back(invalid("spec.maxReplicas", most, "must be greater than 0"));
  } else if (most < least) {
    out.push_back(
        invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"));
  }
}

void check_job(const json& spec, const std::string& path, errors_out& out) {
  const auto& pod = at_path(spec, {"template", "spec"});
  validate_pod_spec(pod, path + ".template.spec", out);
  auto restart = text_at(pod, {"restartPolicy"}, "Always");
  if (restart != "OnFailure" && restart != "Never") {
    out.push_back({path + ".template.spec.restartPolicy",
                   restart == "Always" ? "Required value: valid values: \"OnFailure\", \"Never\""
                                       : "Unsupported value: " + go_quote(restart),
                   "FieldValueRequired"});
  }
}

void check_crd(const json& obj, errors_out& out) {
  auto wanted = text_at(obj, {"spec", "names", "plural"}) + "." + text_at(obj, {"spec", "group"});
  auto name = text_at(obj, {"metadata", "name"});
  if (name != wanted) {
    out.push_back(invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group"));
  }
  if (at_path(obj, {"spec", "versions"}).empty()) {
    out.push_back(invalid("spec.versions", json::array(),
                          "must have exactly one version marked as "
                          "storage version"));
  }
}

void check_kind(const resource_type& type, const json& obj, errors_out& out) {
  auto table = type.table();
  if (type.group == "apps" && type.kind != "ControllerRevision") {
    check_workload(type, obj, out);
    if (type.kind == "Deployment") check_strategy(obj, out);
  } else if (table == "pods") {
    validate_pod_spec(at_path(obj, {"spec"}), "spec", out);
  } else if (table == "replicationcontrollers") {
    validate_pod_spec(at_path(obj, {"spec", "template", "spec"}), "spec.template.spec", out);
  } else if (table == "podtemplates") {
    validate_pod_spec(at_path(obj, {"template", "spec"}), "template.spec", out);
  } else if (table == "services") {
    check_service(obj, out);
  } else if (table == "configmaps" || table == "secrets") {
    check_data_keys(obj, out);
    if (table == "secrets") check_secret(obj, out);
  } else if (table == "persistentvolumeclaims") {
    check_claim(obj, out);
  } else if (type.kind == "HorizontalPodAutoscaler") {
    check_autoscaler(obj, out);
  } else if (table == "jobs.batch") {
    check_job(at_path(obj, {"spec"}), "spec", out);
  } else if (table == "cronjobs.batch") {
    check_job(at_path(obj, {"spec", "jobTemplate", "spec"}), "spec.jobTemplate.spec", out);
  } else if (type.kind == "CustomResourceDefinition") {
    check_crd(obj, out);
  } else if (type.custom && type.schema) {
    check_schema(*type.schema, obj, "", out);
  }
}

void check_immutable(const json& before, const json& after,
                     std::initializer_list<std::string_view> path, const std::string& name,
                     errors_out& out) {
  const auto& now = at_path(after, path);
  if (at_path(before, path) != now) out.push_back(invalid(name, now, "field is immutable"));
}

/// A PodSpec without what a running pod may change.
json fixed_part(json spec) {
  for (auto* list : {"containers", "initContainers"}) {
    if (!spec.contains(list)) continue;
    for (auto& c : spec[list]) c.erase("image");
  }
  for (auto* name : {"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"}) {
    spec.erase(name);
  }
  return spec;
}

void check_pod_change(const json& before, const json& after, errors_out& out) {
  auto was = before.value("spec", json::object()), is = after.value("spec", json::object());
  if (was.value("containers", json::array()).size() !=
      is.value("containers", json::array()).size()) {
    out.push_back(
        forbidden_field("spec.containers", "pod updates may not add or remove containers"));
    return;
  }
  if (fixed_part(was) == fixed_part(is)) return;
  out.push_back(
      forbidden_field("spec",
                      "pod updates may not change fields other than `spec.containers[*].image`,"
                      "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec."
                      "tolerations` (only additions "
                      "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
                      "be set to 1 if it "
                      "was previously negative)"));
}

void check_stateful_change(const json& before, const json& after, errors_out& out) {
  auto fixed = [](const json& obj) {
    auto spec = obj.value("spec", json::object());
    for (auto* name : {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                       "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}) {
      spec.erase(name);
    }
    return spec;
  };
  if (fixed(before) == fixed(after)) return;
  out.push_back(forbidden_field(
      "spec",
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
      "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
      "'minReadySeconds' are forbidden"));
}

void check_service_change(const json& before, const json& after, errors_out& out) {
  auto was = text_at(before, {"spec", "clusterIP"}), is = text_at(after, {"spec", "clusterIP"});
  if (!was.empty() && was != is && text_at(after, {"spec", "type"}) != "ExternalName" &&
      text_at(before, {"spec", "type"}) != "ExternalName") {
    auto list = json::array();
    if (!is.empty()) list.push_back(is);
    out.push_back(invalid("spec.clusterIPs[0]", list, "may not change once set"));
  }
}

} // namespace

std::vector<field_error> validate_create(const resource_type& type, const json& obj) {
  errors_out out;
  validate_metadata(type, obj, out);
  check_kind(type, obj, out);
  if (!type.custom && type.schema) check_rules(*type.schema, obj, nullptr, out);
  return out;
}

std::vector<field_error> validate_update(const resource_type& type, const json& before,
                                         const json& after) {
  errors_out out;
  validate_metadata(type, after, out);
  auto table = type.table();
  if (table == "pods") {
    check_pod_change(before, after, out);
    return out;
  }
  // What was found right and has not changed since is right.
  const bool same = type.custom ? same_but(before, after, {"metadata"})
                                : same_but(before, after, {"metadata", "status"});
  if (!same) check_kind(type, after, out);
  if (type.group == "apps" && type.kind == "StatefulSet")
    check_stateful_change(before, after, out);
  else if (type.group == "apps" && type.kind != "ControllerRevision") {
    check_immutable(before, after, {"spec", "selector"}, "spec.selector", out);
  } else if (table == "jobs.batch") {
    check_immutable(before, after, {"spec", "selector"}, "spec.selector", out);
    check_immutable(before, after, {"spec", "template"}, "spec.template", out);
    check_immutable(before, after, {"spec", "completions"}, "spec.completions", out);
  } else if (table == "services") {
    check_service_change(before, after, out);
  } else if (table == "secrets") {
    check_immutable(before, after, {"type"}, "type", out);
  } else if (type.group == "rbac.authorization.k8s.io" && after.contains("roleRef") &&
             before.value("roleRef", json()) != after["roleRef"]) {
    out.push_back(invalid("roleRef", after["roleRef"], "cannot change roleRef"));
  }
  if ((table == "configmaps" || table == "secrets") && before.value("immutable", false)) {
    for (auto* name : {"data", "binaryData"}) {
      if (before.value(name, json()) != after.value(name, json())) {
        out.push_back(forbidden_field(name, "field is immutable when `immutable` is set"));
      }
    }
  }
  if (!type.custom && type.schema) check_rules(*type.schema, after, &before, out);
  return out;
}

} // namespace remed::env

#include "environments/embedded/api/field_formats.hpp"
#include "environments/embedded/api/field_rules.hpp"
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed::env;
using namespace remed::env::test;

namespace {

struct row {
  const char* url;    ///< below /apis or /api
  const char* object; ///< without metadata
  const char* text;   ///< part of the refusal
};

/// One object per row, refused with the words of Kubernetes' validators.
constexpr row rows[] = {
    {"/apis/policy/v1/namespaces/sem/poddisruptionbudgets",
     R"({"spec": {"minAvailable": 1, "maxUnavailable": 1}})",
     "minAvailable and maxUnavailable cannot be both set"},
    {"/apis/policy/v1/namespaces/sem/poddisruptionbudgets", R"({"spec": {"minAvailable": "x"}})",
     "spec.minAvailable: Invalid value: \"x\": a valid percent string must be a numeric string "
     "followed by an ending '%'"},
    {"/apis/networking.k8s.io/v1/namespaces/sem/ingresses", R"({"spec": {}})",
     "spec.rules: Invalid value: \"\": either `defaultBackend` or `rules` must be specified"},
    {"/apis/networking.k8s.io/v1/namespaces/sem/ingresses",
     R"({"spec": {"rules": [{"http": {"paths": [{"path": "x", "pathType": "Prefix",
         "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})",
     "spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path"},
    {"/apis/networking.k8s.io/v1/namespaces/sem/ingresses",
     R"({"spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Sideways",
         "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}})",
     "pathType: Unsupported value: \"Sideways\": supported values: \"Exact\", "
     "\"ImplementationSpecific\", \"Prefix\""},
    {"/apis/networking.k8s.io/v1/namespaces/sem/networkpolicies",
     R"({"spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{}]}]}})",
     "spec.ingress[0].from[0]: Required value: must specify a peer"},
    {"/apis/networking.k8s.io/v1/namespaces/sem/networkpolicies",
     R"({"spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0/8"}}]}]}})",
     "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"},
    {"/apis/rbac.authorization.k8s.io/v1/namespaces/sem/roles",
     R"({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]})",
     "rules[0].verbs: Required value: verbs must contain at least one value"},
    {"/apis/rbac.authorization.k8s.io/v1/namespaces/sem/roles",
     R"({"rules": [{"verbs": ["get"], "resources": ["pods"]}]})",
     "rules[0].apiGroups: Required value: resource rules must supply at least one api group"},
    {"/apis/rbac.authorization.k8s.io/v1/namespaces/sem/rolebindings",
     R"({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Foo", "name": "x"}})",
     "roleRef.kind: Unsupported value: \"Foo\": supported values: \"Role\", \"ClusterRole\""},
    {"/api/v1/namespaces/sem/secrets", R"({"type": "kubernetes.io/tls", "data": {}})",
     "[data[tls.crt]: Required value, data[tls.key]: Required value]"},
    {"/api/v1/namespaces/sem/secrets", R"({"data": {"a": "YWJj!"}})",
     "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 4"},
    {"/api/v1/namespaces/sem/persistentvolumeclaims",
     R"({"spec": {"accessModes": [], "resources": {}}})",
     "[spec.resources[storage]: Required value, spec.accessModes: Required value: at least 1 "
     "access mode is required]"},
    {"/apis/batch/v1/namespaces/sem/cronjobs",
     R"({"spec": {"schedule": "61 * * * *", "jobTemplate": {"spec": {"template": {"spec": {
         "restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}}}})",
     "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61"},
    {"/apis/batch/v1/namespaces/sem/cronjobs",
     R"({"spec": {"schedule": "1 * * * *", "timeZone": "Nowhere/City", "jobTemplate": {"spec":
         {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a",
         "image": "b"}]}}}}}})",
     "spec.timeZone: Invalid value: \"Nowhere/City\": unknown time zone Nowhere/City"},
    {"/apis/autoscaling/v2/namespaces/sem/horizontalpodautoscalers",
     R"({"spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "x"},
         "metrics": [{"type": "Resource"}]}})",
     "spec.metrics[0].resource: Required value: must populate information for the given metric "
     "source"},
    {"/api/v1/namespaces/sem/replicationcontrollers",
     R"({"spec": {"selector": {"a": "b"}, "template": {"metadata": {"labels": {"a": "b"}},
         "spec": {"containers": [{"name": "c"}]}}}})",
     "spec.template.spec.containers[0].image: Required value"},
    {"/apis/storage.k8s.io/v1/storageclasses", R"({"reclaimPolicy": "Retain"})",
     "provisioner: Required value"},
};

/// Rows about a container's or a pod's part: `{"spec": HERE}` of a pod.
constexpr row pod_rows[] = {
    {"", R"({"containers": [{"name": "a", "image": "b",
             "env": [{"name": "x", "valueFrom": {}}]}]})",
     "spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, "
     "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"},
    {"", R"({"containers": [{"name": "a", "image": "b",
             "livenessProbe": {"tcpSocket": {"port": 1}, "exec": {"command": ["x"]}}}]})",
     "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler "
     "type"},
    {"", R"({"containers": [{"name": "a", "image": "b",
             "livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 3}}]})",
     "spec.containers[0].livenessProbe.successThreshold: Invalid value: 3: must be 1"},
    {"", R"({"containers": [{"name": "a", "image": "b", "lifecycle": {"preStop": {}}}]})",
     "spec.containers[0].lifecycle.preStop: Required value: must specify a handler type"},
    {"", R"({"containers": [{"name": "a", "image": "b"}], "volumes": [{"name": "v",
             "emptyDir": {}, "configMap": {"name": "c"}}]})",
     "spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type"},
    {"", R"({"containers": [{"name": "a", "image": "b"}], "tolerations": [{"operator": "Equal"}]})",
     "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` "
     "is empty, which means \"match all values and all keys\""},
    {"", R"({"containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 80,
             "name": "80-80"}]}]})",
     "ports[0].name: Invalid value: \"80-80\": must contain at least one letter (a-z)"},
    {"", R"({"containers": [{"name": "a", "image": "b"}], "affinity": {"nodeAffinity":
             {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
             {"matchExpressions": [{"key": "k", "operator": "In"}]}]}}}})",
     "nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when "
     "`operator` is 'In' or 'NotIn'"},
    {"", R"({"containers": [{"name": "a", "image": "b",
             "terminationMessagePolicy": "Loud"}]})",
     "terminationMessagePolicy: Unsupported value: \"Loud\": supported values: "
     "\"FallbackToLogsOnError\", \"File\""},
};

} // namespace

TEST_CASE("the shipped rules name definitions, fields and formats that exist") {
  for (const auto& mistake : rule_mistakes()) FAIL_CHECK(mistake);
  CHECK_THROWS(format_error("no such format", "x"));
}

TEST_CASE("objects of every group are refused in Kubernetes' words") {
  api_world w;
  for (const auto& one : rows) {
    auto object = json::parse(one.object);
    object["metadata"]["name"] = "one";
    auto refused = w.post(one.url, object);
    INFO(one.url, " ", one.object, "\n", refused.message());
    CHECK(refused.status >= 400);
    CHECK(refused.message().find(one.text) != std::string::npos);
  }
}

TEST_CASE("pods are refused in Kubernetes' words, wherever in the spec the mistake is") {
  api_world w;
  for (const auto& one : pod_rows) {
    auto pod = json::object();
    pod["metadata"]["name"] = "one";
    pod["spec"] = json::parse(one.object);
    auto refused = w.post("/api/v1/namespaces/sem/pods", pod);
    INFO(one.object, "\n", refused.message());
    CHECK(refused.status == 422);
    CHECK(refused.message().find(one.text) != std::string::npos);
  }
}

TEST_CASE("what was fixed once cannot be changed") {
  api_world w;
  w.post("/apis/storage.k8s.io/v1/storageclasses",
         {{"metadata", {{"name", "fast"}}}, {"provisioner", "x.io/y"}});
  auto moved = w.patch("/apis/storage.k8s.io/v1/storageclasses/fast", {{"provisioner", "x.io/z"}});
  CHECK(moved.message() ==
        "StorageClass.storage.k8s.io \"fast\" is invalid: provisioner: "
        "Forbidden: updates to provisioner are forbidden.");
}

#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed::env;
using namespace remed::env::test;

TEST_CASE("several causes of one refusal are listed together") {
  api_world w;
  auto d =
      json::parse(R"({"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "c"}}, "spec": {}}}})");
  auto refused = w.post(deployments, d);
  CHECK(refused.status == 422);
  CHECK(
      refused.message() ==
      "Deployment.apps \"d\" is invalid: [spec.template.metadata.labels: Invalid value: "
      "{\"a\":\"c\"}: `selector` does not match template `labels`, spec.template.spec.containers: "
      "Required value]");
  CHECK(refused.body["details"]["causes"].size() == 2);
  CHECK(refused.body["details"]["group"] == "apps");
}

TEST_CASE("a deployment's selector cannot change and replicas cannot be negative") {
  api_world w;
  w.post(deployments, deployment("d"));
  auto moved = w.patch(deployments + "/d",
                       json::parse(R"({"spec": {"selector": {"matchLabels": {"app": "x"}},
    "template": {"metadata": {"labels": {"app": "x"}}}}})"));
  CHECK(moved.status == 422);
  CHECK(moved.message().find(
            "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"x\"}}: field is "
            "immutable") != std::string::npos);
  auto negative = w.patch(deployments + "/d", {{"spec", {{"replicas", -1}}}});
  CHECK(negative.message() ==
        "Deployment.apps \"d\" is invalid: spec.replicas: Invalid value: -1: must be greater than "
        "or equal "
        "to 0");
}

TEST_CASE("requests may not exceed limits and quantities must be quantities") {
  api_world w;
  auto d = deployment("d");
  auto& resources = d["spec"]["template"]["spec"]["containers"][0]["resources"];
  resources["requests"]["cpu"] = "2";
  auto refused = w.post(deployments, d);
  CHECK(refused.message() ==
        "Deployment.apps \"d\" is invalid: spec.template.spec.containers[0].resources.requests: "
        "Invalid "
        "value: \"2\": must be less than or equal to cpu limit of 200m");
  resources["requests"]["cpu"] = "much";
  CHECK(w.post(deployments, d).status == 400);
}

TEST_CASE("defaults are filled in as on a real server") {
  api_world w;
  auto made = w.post(deployments, deployment("d")).body;
  CHECK(made["spec"]["replicas"] == 1);
  CHECK(
      made["spec"]["strategy"] ==
      json::parse(
          R"({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})"));
  CHECK(made["metadata"]["generation"] == 1);
  const auto& pod = made["spec"]["template"]["spec"];
  CHECK(pod["restartPolicy"] == "Always");
  CHECK(pod["containers"][0]["imagePullPolicy"] == "IfNotPresent");
  CHECK(pod["containers"][1]["imagePullPolicy"] == "Always");
  CHECK(pod["containers"][0]["ports"][0]["protocol"] == "TCP");
  CHECK(pod["containers"][0]["resources"]["requests"]["memory"] == "64Mi");
  auto service = w.post("/api/v1/namespaces/sem/services",
                        {{"metadata", {{"name", "s"}}}, {"spec", {{"ports", {{{"port", 80}}}}}}})
                     .body;
  CHECK(service["spec"]["type"] == "ClusterIP");
  CHECK(service["spec"]["ports"][0]["targetPort"] == 80);
  CHECK(service["spec"]["clusterIPs"][0] == service["spec"]["clusterIP"]);
}

TEST_CASE("generation counts changes of the wanted state only") {
  api_world w;
  w.post(deployments, deployment("d"));
  CHECK(w.patch(deployments + "/d", {{"metadata", {{"labels", {{"x", "y"}}}}}})
            .body["metadata"]["generation"] == 1);
  CHECK(w.patch(deployments + "/d", {{"spec", {{"replicas", 3}}}}).body["metadata"]["generation"] ==
        2);
  auto status = w.patch(deployments + "/d/status",
                        {{"status", {{"replicas", 3}}}, {"spec", {{"replicas", 9}}}});
  CHECK(status.body["metadata"]["generation"] == 2);
  CHECK(status.body["status"]["replicas"] == 3);
  CHECK(status.body["spec"]["replicas"] == 3);
  CHECK(w.patch(deployments + "/d", {{"status", {{"replicas", 7}}}}).body["status"]["replicas"] ==
        3);
}

TEST_CASE("scale reads and writes replicas") {
  api_world w;
  w.post(deployments, deployment("d"));
  auto scale = w.get(deployments + "/d/scale").body;
  CHECK(scale["kind"] == "Scale");
  CHECK(scale["status"]["selector"] == "app=web");
  CHECK(w.patch(deployments + "/d/scale", {{"spec", {{"replicas", 4}}}}).body["spec"]["replicas"] ==
        4);
  scale["spec"]["replicas"] = 5;
  CHECK(w.put(deployments + "/d/scale", scale).status == 409);
  CHECK(w.get(deployments + "/d").body["spec"]["replicas"] == 4);
}

TEST_CASE("finalizers hold an object until the last one goes") {
  api_world w;
  auto map = config_map("a");
  map["metadata"]["finalizers"] = {"x.io/hold"};
  w.post(maps, map);
  auto held = w.remove(maps + "/a");
  CHECK(held.body["kind"] == "ConfigMap");
  CHECK(held.body["metadata"].contains("deletionTimestamp"));
  CHECK(w.get(maps + "/a").status == 200);
  w.patch(maps + "/a", {{"metadata", {{"finalizers", nullptr}}}});
  CHECK(w.get(maps + "/a").status == 404);
}

TEST_CASE("a scheduled pod is deleted gracefully, another at once") {
  api_world w;
  auto pod = json::parse(
      R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}})");
  auto made = w.post(pods, pod).body;
  CHECK(made["spec"]["serviceAccountName"] == "default");
  CHECK(made["status"]["qosClass"] == "BestEffort");
  CHECK(w.remove(pods + "/p").body["kind"] == "Pod");
  CHECK(w.get(pods + "/p").status == 404);
  pod["spec"]["nodeName"] = "node-1";
  w.post(pods, pod);
  auto leaving = w.remove(pods + "/p").body;
  CHECK(leaving["metadata"]["deletionGracePeriodSeconds"] == 30);
  CHECK(w.get(pods + "/p").status == 200);
  w.remove(pods + "/p", {{"gracePeriodSeconds", 0}});
  CHECK(w.get(pods + "/p").status == 404);
}

TEST_CASE("admissions of the cluster refuse with the webhook's name") {
  cluster_rules rules;
  rules.admissions.push_back(
      {"guard.x.io", "configmaps", [](const admission_request&, json& now) -> remed::result<void> {
         if (now["data"].contains("bad")) return remed::failure{remed::errc::refused, "bad is bad"};
         now["data"]["seen"] = "yes";
         return {};
       }});
  api_world w(std::move(rules));
  CHECK(w.post(maps, config_map("a", {{"k", "v"}})).body["data"]["seen"] == "yes");
  auto refused = w.post(maps, config_map("b", {{"bad", "v"}}));
  CHECK(refused.status == 403);
  CHECK(refused.message() == "admission webhook \"guard.x.io\" denied the request: bad is bad");
}

TEST_CASE("every write is in the audit log with author, before and after") {
  api_world w;
  w.post(maps, config_map("a", {{"k", "1"}}));
  w.patch(maps + "/a", {{"data", {{"k", "2"}}}});
  const auto& last = w.c->audit().back();
  CHECK(last.user == "kubernetes-admin");
  CHECK(last.verb == "patch");
  CHECK(last.resource == "configmaps");
  CHECK((*last.before)["data"]["k"] == "1");
  CHECK((*last.after)["data"]["k"] == "2");
}

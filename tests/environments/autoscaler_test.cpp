#include "environments/embedded/controllers/autoscaler/scaling_rules.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json autoscaler(json target, int least = 1, int most = 5) {
  auto h = json::object();
  h["apiVersion"] = "autoscaling/v2";
  h["kind"] = "HorizontalPodAutoscaler";
  h["metadata"]["name"] = "web";
  h["spec"]["scaleTargetRef"] = {
      {"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}};
  h["spec"]["minReplicas"] = least;
  h["spec"]["maxReplicas"] = most;
  auto metric = json::object();
  metric["type"] = "Resource";
  metric["resource"] = {{"name", "cpu"}, {"target", std::move(target)}};
  h["spec"]["metrics"] = json::array({metric});
  return h;
}

json utilization(int percent) {
  return {{"type", "Utilization"}, {"averageUtilization", percent}};
}

json condition_in(const shop& s, const std::string& type) {
  return condition_of(*s.get("horizontalpodautoscalers.autoscaling", "web"), type);
}

std::int64_t replicas(const shop& s) {
  return int_at(*s.get("deployments.apps", "web"), {"spec", "replicas"});
}

void hog(shop& s, const object& pod, int workers) {
  effect e;
  e.kind = "cpu_hog";
  e.params = {{"workers", workers}, {"load", 100}};
  e.ns = "shop";
  e.pod = text_at(*pod, {"metadata", "name"});
  e.pod_uid = text_at(*pod, {"metadata", "uid"});
  e.container = "web";
  e.instance = 1;
  s.c->add_effect(e);
  traffic_touched(*s.c);
  s.c->settle();
}

} // namespace

TEST_CASE("an autoscaler without metrics says why and leaves the target alone") {
  shop s;
  s.create("deployments.apps", deployment("web", 2, web_container()));
  s.create("horizontalpodautoscalers.autoscaling", autoscaler(utilization(50)));
  s.wait(16);
  CHECK(text_at(condition_in(s, "AbleToScale"), {"reason"}) == "SucceededGetScale");
  CHECK(text_at(condition_in(s, "ScalingActive"), {"reason"}) == "FailedGetResourceMetric");
  CHECK(text_at(condition_in(s, "ScalingActive"), {"message"}) ==
        "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to "
        "get metrics for resource cpu: no metrics returned from resource metrics API");
  CHECK(s.events("FailedComputeMetricsReplicas",
                 "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource "
                 "metric value: failed to get cpu utilization: unable to get metrics") >= 1);
  CHECK(replicas(s) == 2);
}

TEST_CASE("load scales up within the rate, and its end scales down after five minutes") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.create("horizontalpodautoscalers.autoscaling", autoscaler(utilization(50), 1, 5));
  s.wait(400);
  CHECK(text_at(condition_in(s, "ScalingActive"), {"message"}) ==
        "the HPA was able to successfully calculate a replica count from cpu resource utilization "
        "(percentage of request)");
  CHECK(replicas(s) == 1);
  hog(s, s.pods().at(0), 1);
  s.wait(46);
  CHECK(replicas(s) > 1);
  CHECK(s.events("SuccessfulRescale",
                 "reason: cpu resource utilization (percentage of request) above target") >= 1);
  s.wait(60);
  auto status = at_path(*s.get("horizontalpodautoscalers.autoscaling", "web"), {"status"});
  CHECK(int_at(status, {"desiredReplicas"}) == replicas(s));
  CHECK(at_path(status, {"currentMetrics"})[0]["resource"]["current"].contains("averageValue"));
  auto most = replicas(s);
  for (const auto& [id, e] : effect_table(s.c->effects())) s.c->end_effect(id, "undone");
  traffic_touched(*s.c);
  s.wait(200);
  CHECK(replicas(s) == most);
  CHECK(text_at(condition_in(s, "AbleToScale"), {"reason"}) == "ScaleDownStabilized");
  s.wait(300);
  CHECK(replicas(s) == 1);
  CHECK(s.events("SuccessfulRescale", "New size: 1; reason: All metrics below target") >= 1);
}

TEST_CASE("bounds hold without any metric, and zero replicas switch the autoscaler off") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.create("horizontalpodautoscalers.autoscaling", autoscaler(utilization(50), 3, 5));
  s.wait(16);
  CHECK(replicas(s) == 3);
  CHECK(s.events("SuccessfulRescale",
                 "New size: 3; reason: Current number of replicas below Spec.MinReplicas") == 1);
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["replicas"] = 0; });
  s.wait(31);
  CHECK(replicas(s) == 0);
  CHECK(text_at(condition_in(s, "ScalingActive"), {"reason"}) == "ScalingDisabled");
}

TEST_CASE("a target that is not there, and a container without a request, are told") {
  shop s;
  s.create("horizontalpodautoscalers.autoscaling", autoscaler(utilization(50)));
  s.wait(16);
  CHECK(text_at(condition_in(s, "AbleToScale"), {"message"}) ==
        "the HPA controller was unable to get the target's current scale: deployments.apps \"web\" "
        "not found");
  auto bare = web_container();
  bare.erase("resources");
  s.create("deployments.apps", deployment("web", 1, bare));
  s.wait(400);
  auto name = text_at(*s.pods().at(0), {"metadata", "name"});
  CHECK(text_at(condition_in(s, "ScalingActive"), {"message"}) ==
        "the HPA was unable to compute the replica count: failed to get cpu utilization: missing "
        "request for cpu in container web of Pod " +
            name);
}

TEST_CASE("behaviour bounds how fast it goes, and can forbid a direction") {
  auto h = autoscaler(utilization(50), 1, 100);
  h["spec"]["behavior"] = json::parse(R"({"scaleUp": {"policies":
      [{"type": "Pods", "value": 2, "periodSeconds": 60}]}, "scaleDown": {"selectPolicy": "Disabled"}})");
  json memory;
  auto now = stepped_epoch;
  auto up = bounded(h, memory, 10, 50, now);
  CHECK(up.replicas == 12);
  CHECK(up.limited.reason == "ScaleUpLimit");
  note_scaling(memory, 10, 12, now);
  now += std::chrono::seconds{15};
  CHECK(bounded(h, memory, 12, 50, now).replicas == 12);
  now += std::chrono::seconds{60};
  CHECK(bounded(h, memory, 12, 50, now).replicas == 14);
  now += std::chrono::hours{1};
  auto down = bounded(h, memory, 12, 3, now + std::chrono::hours{1});
  CHECK(down.replicas == 12);
}

TEST_CASE("without behaviour one step at most doubles, and never beyond the maximum") {
  auto h = autoscaler(utilization(50), 1, 10);
  json memory;
  auto first = bounded(h, memory, 3, 50, stepped_epoch);
  CHECK(first.replicas == 6);
  CHECK(first.limited.reason == "ScaleUpLimit");
  auto second = bounded(h, memory, 6, 50, stepped_epoch);
  CHECK(second.replicas == 10);
  CHECK(second.limited.reason == "TooManyReplicas");
}

#include "environments/embedded/api/admission.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json quota(json hard) {
  auto q = json::object();
  q["apiVersion"] = "v1";
  q["kind"] = "ResourceQuota";
  q["metadata"]["name"] = "team";
  q["spec"]["hard"] = std::move(hard);
  return q;
}

} // namespace

TEST_CASE("a quota shows what is used in canonical quantities") {
  shop s;
  s.create("resourcequotas", quota({{"pods", "10"},
                                    {"requests.cpu", "2"},
                                    {"requests.memory", "1Gi"},
                                    {"count/deployments.apps", "5"},
                                    {"services", "3"}}));
  s.create("deployments.apps", deployment("web", 3, web_container()));
  s.wait(30);
  auto used = at_path(*s.get("resourcequotas", "team"), {"status", "used"});
  CHECK(text_at(used, {"pods"}) == "3");
  CHECK(text_at(used, {"requests.cpu"}) == "300m");
  CHECK(text_at(used, {"requests.memory"}) == "192Mi");
  CHECK(text_at(used, {"count/deployments.apps"}) == "1");
  CHECK(text_at(used, {"services"}) == "0");
}

TEST_CASE("a deployment beyond the quota says why in its conditions and events") {
  shop s;
  s.create("resourcequotas", quota({{"pods", "2"}}));
  s.create("deployments.apps", deployment("web", 3, web_container()));
  s.wait(60);
  CHECK(s.pods().size() == 2);
  auto rs = owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).at(0);
  auto failure = condition_of(*rs, "ReplicaFailure");
  CHECK(text_at(failure, {"reason"}) == "FailedCreate");
  auto text = text_at(failure, {"message"});
  CHECK(text.starts_with("pods \"web-"));
  CHECK(
      text.ends_with("\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, "
                     "limited: pods=2"));
  CHECK(s.events("FailedCreate", "Error creating: pods \"web-") >= 1);
  auto shown = condition_of(*s.get("deployments.apps", "web"), "ReplicaFailure");
  CHECK(text_at(shown, {"status"}) == "True");
  CHECK(text_at(shown, {"reason"}) == "FailedCreate");
  s.change("resourcequotas", "team", [](json& q) { q["spec"]["hard"]["pods"] = "5"; });
  s.wait(120);
  CHECK(s.pods().size() == 3);
  CHECK(condition_of(*s.get("deployments.apps", "web"), "ReplicaFailure").is_null());
}

TEST_CASE("a quota on requests refuses containers that make none") {
  shop s;
  s.create("resourcequotas", quota({{"limits.memory", "1Gi"}}));
  auto p = prepared(*s.c, "pods", pod("bare", {shell("main", "sleep 1")}));
  p["metadata"]["namespace"] = "shop";
  auto answer = admit(*s.c, "pods", p);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.why().what == "failed quota: team: must specify limits.memory for: main");
}

TEST_CASE("a priority class gives its value, and one that is not there is refused") {
  shop s;
  auto high = json::object();
  high["apiVersion"] = "scheduling.k8s.io/v1";
  high["kind"] = "PriorityClass";
  high["metadata"]["name"] = "high";
  high["value"] = 1000;
  s.c->put("priorityclasses.scheduling.k8s.io", high);
  auto p = prepared(*s.c, "pods", pod("one", {web_container()}));
  p["spec"]["priorityClassName"] = "high";
  REQUIRE(admit(*s.c, "pods", p).ok());
  CHECK(int_at(p, {"spec", "priority"}) == 1000);
  p["spec"]["priorityClassName"] = "none";
  CHECK(admit(*s.c, "pods", p).why().what == "no PriorityClass with name none was found");
}

TEST_CASE("a limit range fills in what a container leaves out and refuses what is too much") {
  shop s;
  s.create("limitranges", json::parse(R"({"apiVersion": "v1", "kind": "LimitRange",
    "metadata": {"name": "sizes"}, "spec": {"limits": [{"type": "Container",
      "default": {"memory": "128Mi"}, "defaultRequest": {"cpu": "50m"}, "max": {"memory": "1Gi"}}]}})"));
  auto p = pod("one", {shell("main", "sleep 1")});
  p["metadata"]["namespace"] = "shop";
  p = prepared(*s.c, "pods", p);
  REQUIRE(admit(*s.c, "pods", p).ok());
  const auto& resources = at_path(p["spec"]["containers"][0], {"resources"});
  CHECK(text_at(resources, {"limits", "memory"}) == "128Mi");
  CHECK(text_at(resources, {"requests", "cpu"}) == "50m");
  CHECK(text_at(p, {"status", "qosClass"}) == "Burstable");
  p["spec"]["containers"][0]["resources"]["limits"]["memory"] = "2Gi";
  CHECK(admit(*s.c, "pods", p).why().what ==
        "maximum memory usage per Container is 1Gi, but limit is 2Gi");
}

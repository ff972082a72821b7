#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

TEST_CASE("a deleted pod is replaced and the event names the new one") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  auto old = text_at(*s.pods().at(0), {"metadata", "name"});
  delete_object(*s.c, "pods", {"shop", old});
  s.c->settle();
  // The new one is made while the old one still says good-bye.
  CHECK(s.pods().size() == 2);
  s.wait(60);
  REQUIRE(s.pods().size() == 1);
  auto now = text_at(*s.pods().at(0), {"metadata", "name"});
  CHECK(now != old);
  CHECK(s.events("SuccessfulCreate", "Created pod: " + now) == 1);
}

TEST_CASE("scaling down takes the pods that are not ready first") {
  shop s;
  s.create("deployments.apps", deployment("web", 2, web_container()));
  s.wait(60);
  auto kept = s.pods().at(0);
  auto sick = text_at(*s.pods().at(1), {"metadata", "name"});
  // A pod whose image was changed to one that does not exist is not ready any more.
  s.change("pods", sick, [](json& p) { p["spec"]["containers"][0]["image"] = "nginx:gone"; });
  s.wait(20);
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["replicas"] = 1; });
  s.wait(60);
  REQUIRE(s.pods().size() == 1);
  CHECK(text_at(*s.pods().at(0), {"metadata", "name"}) == text_at(*kept, {"metadata", "name"}));
  CHECK(s.events("SuccessfulDelete", "Deleted pod: " + sick) == 1);
}

TEST_CASE("minReadySeconds delays availability, not readiness") {
  shop s;
  auto d = deployment("web", 1, web_container());
  d["spec"]["minReadySeconds"] = 30;
  s.create("deployments.apps", d);
  s.wait(20);
  auto rs = owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).at(0);
  CHECK(int_at(*rs, {"status", "readyReplicas"}) == 1);
  CHECK(int_at(*rs, {"status", "availableReplicas"}) == 0);
  s.wait(40);
  rs = owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).at(0);
  CHECK(int_at(*rs, {"status", "availableReplicas"}) == 1);
}

TEST_CASE("pods that lose their label are released, and matching orphans are adopted") {
  shop s;
  s.create("deployments.apps", deployment("web", 2, web_container()));
  s.wait(60);
  auto rs = owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).at(0);
  auto name = text_at(*s.pods().at(0), {"metadata", "name"});
  s.change("pods", name, [](json& p) { p["metadata"]["labels"]["app"] = "quarantined"; });
  s.wait(60);
  CHECK(controller_of(*s.get("pods", name)).is_null());
  CHECK(s.pods().size() == 3);
  // Given back, it is one too many: the youngest of equals go.
  s.change("pods", name, [](json& p) { p["metadata"]["labels"]["app"] = "web"; });
  CHECK(text_at(controller_of(*s.get("pods", name)), {"name"}) ==
        text_at(*rs, {"metadata", "name"}));
  s.wait(60);
  CHECK(s.pods().size() == 2);
  CHECK(s.get("pods", name));
}

TEST_CASE("the pod that is cheapest to delete goes first") {
  shop s;
  s.create("deployments.apps", deployment("web", 3, web_container()));
  s.wait(60);
  auto cheap = text_at(*s.pods().at(1), {"metadata", "name"});
  s.change("pods", cheap, [](json& p) {
    p["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] = "-5";
  });
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["replicas"] = 2; });
  s.wait(60);
  CHECK(s.pods().size() == 2);
  CHECK_FALSE(s.get("pods", cheap));
}

TEST_CASE("a ReplicationController keeps its pods by a plain selector") {
  shop s;
  auto rc = deployment("web", 2, web_container());
  rc["apiVersion"] = "v1";
  rc["kind"] = "ReplicationController";
  rc["spec"]["selector"] = {{"app", "web"}};
  s.create("replicationcontrollers", rc);
  s.wait(60);
  CHECK(s.pods().size() == 2);
  CHECK(int_at(*s.get("replicationcontrollers", "web"), {"status", "readyReplicas"}) == 2);
  CHECK(text_at(controller_of(*s.pods().at(0)), {"kind"}) == "ReplicationController");
  delete_object(*s.c, "pods", key_of(*s.pods().at(0)));
  s.wait(60);
  CHECK(s.pods().size() == 2);
}

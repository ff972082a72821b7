#include "environments/embedded/controllers/deployment_status.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json condition_in(const shop& s, const std::string& name, const std::string& type) {
  return condition_of(*s.get("deployments.apps", name), type);
}

void set_image(shop& s, const std::string& image) {
  s.change("deployments.apps", "web",
           [&](json& d) { d["spec"]["template"]["spec"]["containers"][0]["image"] = image; });
}

std::int64_t ready(const shop& s) {
  return int_at(*s.get("deployments.apps", "web"), {"status", "readyReplicas"});
}

} // namespace

TEST_CASE("a new deployment becomes available and says so as Kubernetes does") {
  shop s;
  s.create("deployments.apps", deployment("web", 2, web_container()));
  CHECK(text_at(condition_in(s, "web", "Available"), {"status"}) == "False");
  CHECK(text_at(condition_in(s, "web", "Available"), {"reason"}) == "MinimumReplicasUnavailable");
  s.wait(60);
  auto d = s.get("deployments.apps", "web");
  CHECK(int_at(*d, {"status", "availableReplicas"}) == 2);
  CHECK(int_at(*d, {"status", "updatedReplicas"}) == 2);
  CHECK_FALSE(at_path(*d, {"status"}).contains("unavailableReplicas"));
  CHECK(int_at(*d, {"status", "observedGeneration"}) == int_at(*d, {"metadata", "generation"}));
  CHECK(text_at(*d, {"metadata", "annotations", "deployment.kubernetes.io/revision"}) == "1");
  auto progressing = condition_in(s, "web", "Progressing");
  CHECK(text_at(progressing, {"reason"}) == "NewReplicaSetAvailable");
  auto rs = owned(*s.c, "replicasets.apps", *d).at(0);
  auto name = text_at(*rs, {"metadata", "name"});
  CHECK(text_at(progressing, {"message"}) ==
        "ReplicaSet \"" + name + "\" has successfully progressed.");
  CHECK(name == "web-" + text_at(*rs, {"metadata", "labels", "pod-template-hash"}));
  CHECK(s.events("ScalingReplicaSet", "Scaled up replica set " + name + " from 0 to 2") == 1);
}

TEST_CASE("surge rounds up, unavailable rounds down, and both are never zero") {
  auto d = deployment("web", 3, web_container());
  CHECK(bounds_of(d).surge == 1);
  CHECK(bounds_of(d).unavailable == 0);
  d["spec"]["replicas"] = 10;
  d["spec"]["strategy"]["rollingUpdate"] = {{"maxSurge", "25%"}, {"maxUnavailable", "25%"}};
  CHECK(bounds_of(d).surge == 3);
  CHECK(bounds_of(d).unavailable == 2);
  d["spec"]["strategy"]["rollingUpdate"] = {{"maxSurge", 0}, {"maxUnavailable", "1%"}};
  CHECK(bounds_of(d).unavailable == 1);
}

TEST_CASE("a rolling restart never has fewer ready pods than wanted") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  REQUIRE(ready(s) == 1);
  auto before = text_at(*s.pods().at(0), {"metadata", "name"});
  s.change("deployments.apps", "web", [](json& d) {
    d["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now";
  });
  for (int i = 0; i < 400; ++i) {
    s.wait(0.25);
    CHECK(ready(s) >= 1);
  }
  REQUIRE(s.pods().size() == 1);
  CHECK(text_at(*s.pods().at(0), {"metadata", "name"}) != before);
  auto d = s.get("deployments.apps", "web");
  CHECK(text_at(*d, {"metadata", "annotations", "deployment.kubernetes.io/revision"}) == "2");
}

TEST_CASE("a bad image stalls a rollout while the old pods serve, until the deadline says so") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  set_image(s, "nginx:no-such-tag");
  s.wait(60);
  CHECK(ready(s) == 1);
  CHECK(s.pods().size() == 2);
  CHECK(text_at(condition_in(s, "web", "Progressing"), {"reason"}) == "ReplicaSetUpdated");
  s.wait(600);
  auto progressing = condition_in(s, "web", "Progressing");
  CHECK(text_at(progressing, {"status"}) == "False");
  CHECK(text_at(progressing, {"reason"}) == "ProgressDeadlineExceeded");
  CHECK(text_at(progressing, {"message"}).find("has timed out progressing.") != std::string::npos);
  CHECK(text_at(condition_in(s, "web", "Available"), {"status"}) == "True");
}

TEST_CASE("going back to an earlier template takes its ReplicaSet up again under a new revision") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  auto d = s.get("deployments.apps", "web");
  auto first = text_at(*owned(*s.c, "replicasets.apps", *d).at(0), {"metadata", "name"});
  set_image(s, "nginx:1.26");
  s.wait(90);
  CHECK(int_at(*s.get("replicasets.apps", first), {"spec", "replicas"}) == 0);
  set_image(s, "nginx:1.25");
  s.wait(90);
  auto rs = s.get("replicasets.apps", first);
  CHECK(int_at(*rs, {"spec", "replicas"}) == 1);
  CHECK(text_at(*rs, {"metadata", "annotations", "deployment.kubernetes.io/revision"}) == "3");
  CHECK(text_at(*rs, {"metadata", "annotations", "deployment.kubernetes.io/revision-history"}) ==
        "1");
  CHECK(owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).size() == 2);
}

TEST_CASE("old ReplicaSets beyond the history limit are removed") {
  shop s;
  auto d = deployment("web", 1, web_container());
  d["spec"]["revisionHistoryLimit"] = 1;
  s.create("deployments.apps", d);
  for (const char* image : {"nginx:1.21", "nginx:1.22", "nginx:1.23"}) {
    s.wait(90);
    set_image(s, image);
  }
  s.wait(90);
  CHECK(owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).size() == 2);
}

TEST_CASE("a paused deployment scales but does not roll") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["paused"] = true; });
  CHECK(text_at(condition_in(s, "web", "Progressing"), {"reason"}) == "DeploymentPaused");
  set_image(s, "nginx:1.26");
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["replicas"] = 2; });
  s.wait(60);
  CHECK(s.pods().size() == 2);
  for (const auto& pod : s.pods()) {
    CHECK(text_at(at_path(*pod, {"spec", "containers"})[0], {"image"}) == "nginx:1.25");
  }
  s.change("deployments.apps", "web", [](json& d) { d["spec"].erase("paused"); });
  s.wait(120);
  for (const auto& pod : s.pods()) {
    CHECK(text_at(at_path(*pod, {"spec", "containers"})[0], {"image"}) == "nginx:1.26");
  }
}

TEST_CASE("recreate ends the old pods before it starts new ones") {
  shop s;
  auto d = deployment("web", 2, web_container());
  d["spec"]["strategy"]["type"] = "Recreate";
  s.create("deployments.apps", d);
  s.wait(60);
  set_image(s, "nginx:1.26");
  for (int i = 0; i < 200; ++i) {
    s.wait(0.2);
    std::set<std::string> images;
    for (const auto& pod : s.pods()) {
      images.insert(text_at(at_path(*pod, {"spec", "containers"})[0], {"image"}));
    }
    CHECK(images.size() <= 1);
  }
  CHECK(ready(s) == 2);
}

TEST_CASE("scaling to zero and back works on the same ReplicaSet") {
  shop s;
  s.create("deployments.apps", deployment("web", 2, web_container()));
  s.wait(60);
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["replicas"] = 0; });
  s.wait(60);
  CHECK(s.pods().empty());
  s.change("deployments.apps", "web", [](json& d) { d["spec"]["replicas"] = 3; });
  s.wait(60);
  CHECK(ready(s) == 3);
  CHECK(owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web")).size() == 1);
}

TEST_CASE("a rollout that is scaled shares the new replicas in proportion") {
  shop s;
  auto d = deployment("web", 10, web_container());
  d["spec"]["strategy"]["rollingUpdate"] = {{"maxSurge", 3}, {"maxUnavailable", 2}};
  s.create("deployments.apps", d);
  s.wait(60);
  REQUIRE(ready(s) == 10);
  set_image(s, "nginx:no-such-tag");
  s.wait(30);
  // 13 in all: 8 old ones, since two may be missing, and 5 new ones.
  auto sizes = [&] {
    std::multiset<std::int64_t> out;
    for (const auto& rs : owned(*s.c, "replicasets.apps", *s.get("deployments.apps", "web"))) {
      out.insert(int_at(*rs, {"spec", "replicas"}));
    }
    return out;
  };
  CHECK(sizes() == std::multiset<std::int64_t>{5, 8});
  s.change("deployments.apps", "web", [](json& now) { now["spec"]["replicas"] = 15; });
  // The example of Kubernetes' documentation: 3 of the 5 go to the larger one.
  CHECK(sizes() == std::multiset<std::int64_t>{7, 11});
}

TEST_CASE("an orphaned ReplicaSet of the same template is taken over, not made again") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  const auto before = s.c->objects().list("replicasets.apps", "shop");
  REQUIRE(before.size() == 1);
  const auto rs = before[0];
  s.change("deployments.apps", "web", [&](json& d) {
    d["metadata"]["deletionTimestamp"] = rfc3339(s.c->now());
    d["metadata"]["finalizers"] = json::array({"orphan"});
  });
  REQUIRE_FALSE(s.get("deployments.apps", "web"));
  auto pods = s.pods();
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(30);
  auto sets = s.c->objects().list("replicasets.apps", "shop");
  REQUIRE(sets.size() == 1);
  CHECK(key_of(*sets[0]) == key_of(*rs));
  CHECK(text_at(controller_of(*sets[0]), {"name"}) == "web");
  REQUIRE(s.pods().size() == 1);
  CHECK(key_of(*s.pods().at(0)) == key_of(*pods.at(0)));
}

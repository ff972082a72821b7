#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json stateful(int replicas, json container = web_container()) {
  auto set = deployment("web", replicas, std::move(container));
  set["kind"] = "StatefulSet";
  set["spec"]["serviceName"] = "web";
  return set;
}

object set_of(const shop& s) {
  return s.get("statefulsets.apps", "web");
}

std::string image_of(const object& pod) {
  return text_at(at_path(*pod, {"spec", "containers"})[0], {"image"});
}

void set_image(shop& s, const std::string& image) {
  s.change("statefulsets.apps", "web",
           [&](json& d) { d["spec"]["template"]["spec"]["containers"][0]["image"] = image; });
}

} // namespace

TEST_CASE("members of a StatefulSet are made one after the other, with their own names") {
  shop s;
  s.create("statefulsets.apps", stateful(3));
  CHECK(s.pods().size() == 1);
  for (int i = 0; i < 400; ++i) {
    s.wait(0.25);
    for (std::size_t n = 1; n < s.pods().size(); ++n) CHECK(pod_is_ready(*s.pods().at(n - 1)));
  }
  REQUIRE(s.pods().size() == 3);
  auto second = s.get("pods", "web-1");
  REQUIRE(second);
  CHECK(text_at(*second, {"spec", "hostname"}) == "web-1");
  CHECK(text_at(*second, {"spec", "subdomain"}) == "web");
  const auto& labels = at_path(*second, {"metadata", "labels"});
  CHECK(text_at(labels, {"statefulset.kubernetes.io/pod-name"}) == "web-1");
  CHECK(text_at(labels, {"apps.kubernetes.io/pod-index"}) == "1");
  auto set = set_of(s);
  CHECK(text_at(labels, {"controller-revision-hash"}) ==
        text_at(*set, {"status", "updateRevision"}));
  CHECK(text_at(*set, {"status", "currentRevision"}) ==
        text_at(*set, {"status", "updateRevision"}));
  for (const char* field :
       {"replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas"}) {
    CHECK(int_at(*set, {"status", field}) == 3);
  }
  CHECK(int_at(*set, {"status", "collisionCount"}, -1) == 0);
  CHECK(s.events("SuccessfulCreate", "create Pod web-2 in StatefulSet web successful") == 1);
}

TEST_CASE("scaling a StatefulSet down takes the highest member first, one at a time") {
  shop s;
  s.create("statefulsets.apps", stateful(3));
  s.wait(100);
  REQUIRE(s.pods().size() == 3);
  s.change("statefulsets.apps", "web", [](json& d) { d["spec"]["replicas"] = 1; });
  int leaving = 0;
  for (const auto& pod : s.pods()) leaving += is_deleting(*pod);
  CHECK(leaving == 1);
  CHECK(is_deleting(*s.get("pods", "web-2")));
  s.wait(60);
  REQUIRE(s.pods().size() == 1);
  CHECK(s.get("pods", "web-0"));
  CHECK(s.events("SuccessfulDelete", "delete Pod web-1 in StatefulSet web successful") == 1);
}

TEST_CASE("a parallel StatefulSet makes all its members at once") {
  shop s;
  auto set = stateful(3);
  set["spec"]["podManagementPolicy"] = "Parallel";
  s.create("statefulsets.apps", set);
  CHECK(s.pods().size() == 3);
}

TEST_CASE("a deleted member comes back under its name") {
  shop s;
  s.create("statefulsets.apps", stateful(2));
  s.wait(60);
  auto before = text_at(*s.get("pods", "web-0"), {"metadata", "uid"});
  delete_object(*s.c, "pods", {"shop", "web-0"});
  s.wait(60);
  REQUIRE(s.get("pods", "web-0"));
  CHECK(text_at(*s.get("pods", "web-0"), {"metadata", "uid"}) != before);
  CHECK(int_at(*set_of(s), {"status", "readyReplicas"}) == 2);
}

TEST_CASE("a rolling update of a StatefulSet goes from the last member down to the partition") {
  shop s;
  auto set = stateful(3);
  set["spec"]["updateStrategy"] = {{"type", "RollingUpdate"},
                                   {"rollingUpdate", {{"partition", 1}}}};
  s.create("statefulsets.apps", set);
  s.wait(100);
  auto old = text_at(*set_of(s), {"status", "currentRevision"});
  set_image(s, "nginx:1.26");
  CHECK(is_deleting(*s.get("pods", "web-2")));
  CHECK_FALSE(is_deleting(*s.get("pods", "web-1")));
  s.wait(120);
  CHECK(image_of(s.get("pods", "web-2")) == "nginx:1.26");
  CHECK(image_of(s.get("pods", "web-1")) == "nginx:1.26");
  CHECK(image_of(s.get("pods", "web-0")) == "nginx:1.25");
  CHECK(text_at(*set_of(s), {"status", "currentRevision"}) == old);
  CHECK(int_at(*set_of(s), {"status", "updatedReplicas"}) == 2);
  CHECK(int_at(*set_of(s), {"status", "currentReplicas"}) == 1);
  // Below the partition a lost member comes back as it was.
  delete_object(*s.c, "pods", {"shop", "web-0"});
  s.wait(60);
  CHECK(image_of(s.get("pods", "web-0")) == "nginx:1.25");
  s.change("statefulsets.apps", "web",
           [](json& d) { d["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 0; });
  s.wait(60);
  CHECK(image_of(s.get("pods", "web-0")) == "nginx:1.26");
  auto status = at_path(*set_of(s), {"status"});
  CHECK(text_at(status, {"currentRevision"}) == text_at(status, {"updateRevision"}));
  CHECK(s.c->objects().list("controllerrevisions.apps", "shop").size() == 2);
}

TEST_CASE("a broken update of a StatefulSet stops at the first member") {
  shop s;
  s.create("statefulsets.apps", stateful(3));
  s.wait(100);
  set_image(s, "nginx:no-such-tag");
  s.wait(200);
  CHECK(image_of(s.get("pods", "web-2")) == "nginx:no-such-tag");
  CHECK(image_of(s.get("pods", "web-1")) == "nginx:1.25");
  CHECK(int_at(*set_of(s), {"status", "readyReplicas"}) == 2);
}

TEST_CASE("with OnDelete a member changes when somebody deletes it") {
  shop s;
  auto set = stateful(2);
  set["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  s.create("statefulsets.apps", set);
  s.wait(60);
  set_image(s, "nginx:1.26");
  s.wait(60);
  CHECK(image_of(s.get("pods", "web-1")) == "nginx:1.25");
  delete_object(*s.c, "pods", {"shop", "web-1"});
  s.wait(60);
  CHECK(image_of(s.get("pods", "web-1")) == "nginx:1.26");
  CHECK(image_of(s.get("pods", "web-0")) == "nginx:1.25");
}

TEST_CASE("going back to an earlier template makes its ControllerRevision the newest") {
  shop s;
  s.create("statefulsets.apps", stateful(1));
  s.wait(40);
  auto first = text_at(*set_of(s), {"status", "currentRevision"});
  set_image(s, "nginx:1.26");
  s.wait(60);
  CHECK(text_at(*set_of(s), {"status", "currentRevision"}) != first);
  set_image(s, "nginx:1.25");
  s.wait(60);
  CHECK(text_at(*set_of(s), {"status", "currentRevision"}) == first);
  CHECK(int_at(*s.get("controllerrevisions.apps", first), {"revision"}) == 3);
  const auto& data = at_path(*s.get("controllerrevisions.apps", first), {"data"});
  CHECK(text_at(data, {"spec", "template", "$patch"}) == "replace");
}

TEST_CASE("members get claims of their own, which outlive them unless the policy says otherwise") {
  shop s;
  auto set = stateful(2);
  set["spec"]["volumeClaimTemplates"] = json::array({json::parse(
      R"({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
          "resources": {"requests": {"storage": "1Gi"}}}})")});
  set["spec"]["persistentVolumeClaimRetentionPolicy"] = {{"whenDeleted", "Retain"},
                                                         {"whenScaled", "Delete"}};
  s.create("statefulsets.apps", set);
  s.wait(120);
  REQUIRE(s.get("persistentvolumeclaims", "data-web-1"));
  CHECK(text_at(*s.get("persistentvolumeclaims", "data-web-1"), {"metadata", "labels", "app"}) ==
        "web");
  CHECK(text_at(at_path(*s.get("pods", "web-1"), {"spec", "volumes"})[0],
                {"persistentVolumeClaim", "claimName"}) == "data-web-1");
  CHECK(s.events("SuccessfulCreate",
                 "create Claim data-web-1 Pod web-1 in StatefulSet web success") == 1);
  CHECK(int_at(*set_of(s), {"status", "readyReplicas"}) == 2);
  s.change("statefulsets.apps", "web", [](json& d) { d["spec"]["replicas"] = 1; });
  s.wait(60);
  CHECK_FALSE(s.get("persistentvolumeclaims", "data-web-1"));
  s.c->erase("statefulsets.apps", {"shop", "web"});
  s.wait(60);
  CHECK(s.pods().empty());
  CHECK(s.get("persistentvolumeclaims", "data-web-0"));
}

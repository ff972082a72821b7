#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

void mark_deleted(shop& s, const char* finalizer) {
  s.change("deployments.apps", "web", [&](json& d) {
    d["metadata"]["deletionTimestamp"] = rfc3339(s.c->now());
    d["metadata"]["finalizers"] = json::array({finalizer});
  });
}

} // namespace

TEST_CASE("deleting a deployment takes its ReplicaSets at once and its pods after their grace") {
  shop s;
  s.create("deployments.apps", deployment("web", 2, web_container()));
  s.wait(60);
  s.c->erase("deployments.apps", {"shop", "web"});
  s.c->settle();
  CHECK(s.c->objects().list("replicasets.apps", "shop").empty());
  CHECK(s.pods().size() == 2);
  for (const auto& one : s.pods()) CHECK(is_deleting(*one));
  s.wait(60);
  CHECK(s.pods().empty());
}

TEST_CASE("in the foreground the owner waits for what it owns") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  mark_deleted(s, "foregroundDeletion");
  CHECK(s.get("deployments.apps", "web"));
  CHECK(s.pods().size() == 1);
  s.wait(60);
  CHECK(s.pods().empty());
  CHECK(s.c->objects().list("replicasets.apps", "shop").empty());
  CHECK_FALSE(s.get("deployments.apps", "web"));
}

TEST_CASE("orphans lose their owner and stay") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(60);
  mark_deleted(s, "orphan");
  s.wait(60);
  CHECK_FALSE(s.get("deployments.apps", "web"));
  auto sets = s.c->objects().list("replicasets.apps", "shop");
  REQUIRE(sets.size() == 1);
  CHECK(controller_of(*sets[0]).is_null());
  CHECK(s.pods().size() == 1);
}

TEST_CASE(
    "a namespace is born with an account and a certificate, and takes all along when it ends") {
  shop s;
  CHECK(s.get("serviceaccounts", "default"));
  CHECK(s.get("configmaps", "kube-root-ca.crt"));
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(30);
  auto ns = *s.c->objects().get("namespaces", {"", "shop"});
  ns["metadata"]["deletionTimestamp"] = rfc3339(s.c->now());
  s.c->put("namespaces", ns);
  s.c->settle();
  CHECK(text_at(*s.c->objects().get("namespaces", {"", "shop"}), {"status", "phase"}) ==
        "Terminating");
  s.wait(90);
  CHECK_FALSE(s.c->objects().get("namespaces", {"", "shop"}));
  CHECK(s.pods().empty());
  CHECK(s.c->objects().list("events", "shop").empty());
  CHECK(s.c->node().all().empty());
}

TEST_CASE("an object whose owners are all gone goes, with one left it only loses the others") {
  shop s;
  auto map = [](const char* name) {
    auto m = json::object();
    m["apiVersion"] = "v1";
    m["kind"] = "ConfigMap";
    m["metadata"]["name"] = name;
    return m;
  };
  auto owner = s.create("configmaps", map("owner"));
  auto ref = [](const std::string& name, const std::string& uid) {
    return json{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", name}, {"uid", uid}};
  };
  auto both = map("both");
  both["metadata"]["ownerReferences"] = json::array(
      {ref("owner", text_at(*owner, {"metadata", "uid"})), ref("ghost", "no-such-uid")});
  s.create("configmaps", both);
  REQUIRE(s.get("configmaps", "both"));
  CHECK(at_path(*s.get("configmaps", "both"), {"metadata", "ownerReferences"}).size() == 1);
  auto dangling = map("dangling");
  dangling["metadata"]["ownerReferences"] = json::array({ref("ghost", "no-such-uid")});
  s.create("configmaps", dangling);
  CHECK_FALSE(s.get("configmaps", "dangling"));
  s.c->erase("configmaps", {"shop", "owner"});
  s.c->settle();
  CHECK_FALSE(s.get("configmaps", "both"));
}

TEST_CASE("a dying namespace says what keeps it") {
  shop s;
  auto stuck = json::parse(R"({"apiVersion": "v1", "kind": "ConfigMap",
    "metadata": {"name": "stuck", "finalizers": ["example.com/hold"]}})");
  s.create("configmaps", stuck);
  auto ns = *s.c->objects().get("namespaces", {"", "shop"});
  ns["metadata"]["deletionTimestamp"] = rfc3339(s.c->now());
  s.c->put("namespaces", ns);
  s.wait(10);
  auto now = s.c->objects().get("namespaces", {"", "shop"});
  REQUIRE(now);
  CHECK(text_at(condition_of(*now, "NamespaceContentRemaining"), {"message"}) ==
        "Some resources are remaining: configmaps. has 1 resource instances");
  CHECK(text_at(condition_of(*now, "NamespaceFinalizersRemaining"), {"message"}) ==
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource "
        "instances");
  CHECK(text_at(condition_of(*now, "NamespaceDeletionContentFailure"), {"status"}) == "False");
  auto freed = *s.get("configmaps", "stuck");
  freed["metadata"].erase("finalizers");
  s.c->put("configmaps", freed);
  s.c->erase("configmaps", {"shop", "stuck"});
  s.wait(5);
  CHECK_FALSE(s.c->objects().get("namespaces", {"", "shop"}));
}

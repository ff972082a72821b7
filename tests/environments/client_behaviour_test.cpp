// What people at a terminal notice first.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "environments/embedded/default_roles.hpp"
#include "environments/embedded/node/images.hpp"
#include "environments/embedded/traffic.hpp"
#include "runtime/paths.hpp"
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using remed::env::test::api_world;

TEST_CASE("a plain read of a node or its lease shows a fresh heartbeat") {
  api_world w;
  w.post("/api/v1/namespaces", {{"metadata", {{"name", "kube-node-lease"}}}});
  install_node(*w.c);
  w.c->advance_to(w.c->now() + std::chrono::hours{1});
  const auto fresh = [&](const std::string& text, double limit) {
    const auto at = parse_time(text);
    return at && seconds(w.c->now() - *at) <= limit;
  };
  const auto node = w.get("/api/v1/nodes/node-1").body;
  CHECK(fresh(text_at(node["status"]["conditions"][0], {"lastHeartbeatTime"}), 300));
  const auto list = w.get("/apis/coordination.k8s.io/v1/leases").body;
  CHECK(fresh(text_at(list["items"][0], {"spec", "renewTime"}), 10));
}

TEST_CASE("a patch that makes the wrong type is refused in the words of its kind") {
  api_world w;
  w.post("/apis/apps/v1/namespaces/sem/deployments",
         json::parse(R"({"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},
           "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[
             {"name":"c","image":"busybox"}]}}}})"));
  const auto refused = [&](const std::string& type, const std::string& patch) {
    const auto seen = w.send(w.admin, "PATCH", "/apis/apps/v1/namespaces/sem/deployments/d", patch,
                             "application/" + type);
    CHECK(seen.status == 422);
    return seen.message();
  };
  const std::string strategic = "strategic-merge-patch+json", start = " \"\" is invalid: patch: ";
  CHECK(refused(strategic, R"({"spec":{"replicas":"two"}})") ==
        start + "Invalid value: \"map[spec:map[replicas:two]]\": unrecognized type: int32");
  CHECK(refused(strategic, R"({"metadata":{"annotations":{"n":1}}})")
            .ends_with("cannot convert int64 to string"));
  CHECK(refused(strategic, R"({"spec":{"template":{"spec":"x"}}})")
            .ends_with("cannot restore struct from: string"));
  const auto merged = refused("merge-patch+json", R"({"spec":{"replicas":"two"}})");
  CHECK(merged.rfind(start + "Invalid value: \"{", 0) == 0);
  CHECK(
      merged.ends_with("json: cannot unmarshal string into Go struct field "
                       "DeploymentSpec.spec.replicas of type int32"));
}

TEST_CASE("view, edit and admin are there to be bound, and allow what they do in Kubernetes") {
  api_world w;
  install_default_roles(*w.c);
  const std::string group = "/apis/rbac.authorization.k8s.io/v1";
  const auto bind = [&](const char* user, const char* role) {
    auto binding = json::object();
    binding["metadata"]["name"] = user;
    binding["roleRef"] = {
        {"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"}, {"name", role}};
    binding["subjects"] = json::array(
        {json{{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "User"}, {"name", user}}});
    CHECK(w.post(group + "/namespaces/sem/rolebindings", binding).status == 201);
    identity out;
    out.user = user;
    return out;
  };
  const auto viewer = bind("vera", "view"), editor = bind("ed", "edit"),
             chief = bind("ada", "admin");
  const std::string pods = "/api/v1/namespaces/sem/pods",
                    secrets = "/api/v1/namespaces/sem/secrets";
  CHECK(w.send(viewer, "GET", pods).status == 200);
  CHECK(w.send(viewer, "GET", secrets).status == 403);
  CHECK(w.send(viewer, "DELETE", pods).status == 403);
  CHECK(w.send(editor, "GET", secrets).status == 200);
  CHECK(w.send(editor, "DELETE", pods).status == 200);
  CHECK(w.send(editor, "GET", group + "/namespaces/sem/roles").status == 403);
  CHECK(w.send(chief, "GET", group + "/namespaces/sem/roles").status == 200);
  CHECK(w.send(chief, "GET", "/api/v1/nodes").status == 403);
}

TEST_CASE("an image that the system's own manifests name is there, its other tags are not") {
  const auto file = data_root() / "environments/embedded/node/images.yaml";
  const auto images = image_catalogue::load(file);
  REQUIRE(images);
  api_world w;
  const auto found = [&](const char* image) {
    return std::holds_alternative<image_facts>(images->look_up(*w.c, image));
  };
  CHECK_FALSE(found("registry.example/bakery/oven:1.4"));
  system_profile bakery;
  bakery.name = "bakery";
  bakery.manifests.push_back(json::parse(R"({"kind":"Pod","spec":{"containers":[
    {"name":"oven","image":"registry.example/bakery/oven:1.4"}]}})"));
  set_system(*w.c, bakery);
  CHECK(found("registry.example/bakery/oven:1.4"));
  CHECK_FALSE(found("registry.example/bakery/oven:1.5"));
  CHECK_FALSE(found("Not An Image"));
}

#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json service() {
  return json::parse(R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})");
}

std::size_t addresses(const shop& s, const char* field) {
  std::size_t n = 0;
  for (const auto& subset : at_path(*s.get("endpoints", "web"), {"subsets"})) {
    n += at_path(subset, {field}).size();
  }
  return n;
}

} // namespace

TEST_CASE("only ready pods are endpoints, the others are listed as not ready") {
  shop s;
  s.create("services", service());
  s.create("deployments.apps", deployment("web", 2, web_container()));
  REQUIRE(s.get("endpoints", "web"));
  CHECK(addresses(s, "addresses") == 0);
  while (addresses(s, "notReadyAddresses") == 0) {
    auto next = s.c->next_event();
    REQUIRE(next);
    s.c->advance_to(*next);
  }
  s.wait(60);
  CHECK(addresses(s, "addresses") == 2);
  CHECK(addresses(s, "notReadyAddresses") == 0);
  auto subset = at_path(*s.get("endpoints", "web"), {"subsets"})[0];
  CHECK(int_at(subset["ports"][0], {"port"}) == 8080);
  CHECK(text_at(subset["addresses"][0], {"ip"}).starts_with("10.42."));
  CHECK(text_at(subset["addresses"][0], {"targetRef", "kind"}) == "Pod");
}

TEST_CASE("a terminating pod leaves the endpoints at once and its slice says so") {
  shop s;
  s.create("services", service());
  auto stubborn = shell("web", "while true; do sleep 5; done");
  s.create("deployments.apps", deployment("web", 1, stubborn));
  s.wait(30);
  REQUIRE(addresses(s, "addresses") == 1);
  delete_object(*s.c, "pods", key_of(*s.pods().at(0)));
  s.wait(0.1);
  CHECK(addresses(s, "addresses") == 0);
  auto slices = s.c->objects().list("endpointslices.discovery.k8s.io", "shop");
  REQUIRE(slices.size() == 1);
  bool seen = false;
  for (const auto& one : at_path(*slices[0], {"endpoints"})) {
    seen = seen || one["conditions"]["terminating"] == true;
  }
  CHECK(seen);
}

TEST_CASE("a deleted service takes its endpoints and slices along") {
  shop s;
  s.create("services", service());
  s.create("deployments.apps", deployment("web", 1, web_container()));
  s.wait(30);
  s.c->erase("services", {"shop", "web"});
  s.c->settle();
  CHECK_FALSE(s.get("endpoints", "web"));
  CHECK(s.c->objects().list("endpointslices.discovery.k8s.io", "shop").empty());
}

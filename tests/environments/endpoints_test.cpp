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

TEST_CASE("more than a hundred endpoints are split over slices, and stay where they are") {
  shop s;
  auto web = service();
  web["spec"]["ports"] = json::parse(R"([{"name": "http", "port": 80, "targetPort": "www"}])");
  s.create("services", web);
  auto member = [](int n) {
    auto p = pod("web-" + std::to_string(n), {web_container(false)});
    p["metadata"]["uid"] = "uid-" + std::to_string(n);
    p["metadata"]["namespace"] = "shop";
    p["spec"]["nodeName"] = "elsewhere";
    p["spec"]["containers"][0]["ports"] =
        json::parse(R"([{"name": "www", "containerPort": 8080}])");
    p["status"] = {{"phase", "Running"}, {"podIP", "10.42.9." + std::to_string(n)}};
    p["status"]["conditions"] = json::parse(R"([{"type": "Ready", "status": "True"}])");
    return p;
  };
  for (int n = 1; n <= 130; ++n) s.c->put("pods", member(n));
  s.c->settle();
  auto slices = s.c->objects().list("endpointslices.discovery.k8s.io", "shop");
  REQUIRE(slices.size() == 2);
  CHECK(at_path(*slices[0], {"endpoints"}).size() + at_path(*slices[1], {"endpoints"}).size() ==
        130);
  CHECK(std::max(at_path(*slices[0], {"endpoints"}).size(),
                 at_path(*slices[1], {"endpoints"}).size()) == 100);
  CHECK(at_path(*slices[0], {"ports"})[0]["port"] == 8080);
  CHECK(text_at(*slices[0], {"metadata", "labels", "kubernetes.io/service-name"}) == "web");
  CHECK(addresses(s, "addresses") == 130);
  s.c->erase("pods", {"shop", "web-7"});
  s.c->settle();
  CHECK(addresses(s, "addresses") == 129);
}

TEST_CASE("publishNotReadyAddresses and headless services show what is not ready") {
  shop s;
  auto web = service();
  web["spec"]["clusterIP"] = "None";
  web["spec"]["publishNotReadyAddresses"] = true;
  s.create("services", web);
  auto set = deployment("web", 1, web_container());
  set["spec"]["template"]["spec"]["readinessGates"] =
      json::array({json{{"conditionType", "example.com/open"}}});
  set["kind"] = "StatefulSet";
  set["spec"]["serviceName"] = "web";
  s.create("statefulsets.apps", set);
  s.wait(30);
  CHECK_FALSE(pod_is_ready(*s.get("pods", "web-0")));
  CHECK(addresses(s, "addresses") == 1);
  auto slices = s.c->objects().list("endpointslices.discovery.k8s.io", "shop");
  REQUIRE(slices.size() == 1);
  auto one = at_path(*slices[0], {"endpoints"})[0];
  CHECK(one["conditions"]["ready"] == true);
  CHECK(one["conditions"]["serving"] == false);
  CHECK(text_at(one, {"hostname"}) == "web-0");
  CHECK(at_path(*slices[0], {"metadata", "labels"}).contains("service.kubernetes.io/headless"));
  CHECK(at_path(*s.get("endpoints", "web"), {"metadata", "labels"})
            .contains("service.kubernetes.io/headless"));
}

TEST_CASE("endpoints written by hand are mirrored into a slice") {
  shop s;
  auto outside = service();
  outside["spec"].erase("selector");
  s.create("services", outside);
  CHECK_FALSE(s.get("endpoints", "web"));
  s.create("endpoints", json::parse(R"({"apiVersion": "v1", "kind": "Endpoints",
    "metadata": {"name": "web"},
    "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 5432}]}]})"));
  auto slices = s.c->objects().list("endpointslices.discovery.k8s.io", "shop");
  REQUIRE(slices.size() == 1);
  CHECK(at_path(*slices[0], {"endpoints"})[0]["addresses"][0] == "192.0.2.1");
  CHECK(text_at(*slices[0], {"metadata", "labels", "endpointslice.kubernetes.io/managed-by"}) ==
        "endpointslicemirroring-controller.k8s.io");
}

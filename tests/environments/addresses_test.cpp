#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace remed::env::test;

namespace {

json service(const std::string& name, const std::string& type = "ClusterIP") {
  auto s = json::object();
  s["metadata"]["name"] = name;
  s["spec"]["type"] = type;
  s["spec"]["ports"] = json::parse(R"([{"port": 80}])");
  return s;
}

constexpr const char* url = "/api/v1/namespaces/sem/services";

} // namespace

TEST_CASE("an address or node port that another service has is refused in the allocator's words") {
  api_world w;
  auto first = service("first", "NodePort");
  first["spec"]["clusterIP"] = "10.43.7.7";
  first["spec"]["ports"][0]["nodePort"] = 30080;
  REQUIRE(w.post(url, first).status == 201);
  auto second = first;
  second["metadata"]["name"] = "second";
  auto refused = w.post(url, second);
  CHECK(refused.status == 422);
  CHECK(refused.message().find("provided IP is already allocated") != std::string::npos);
  CHECK(refused.message().find(
            "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated") !=
        std::string::npos);
  second["spec"]["clusterIP"] = "192.0.2.1";
  CHECK(w.post(url, second).message().find("The range of valid IPs is 10.43.0.0/16") !=
        std::string::npos);
}

TEST_CASE("a service that becomes a NodePort gets its port, and its own ports are no conflict") {
  api_world w;
  REQUIRE(w.post(url, service("web")).status == 201);
  auto now = w.get(std::string(url) + "/web").body;
  now["spec"]["type"] = "NodePort";
  auto changed = w.put(std::string(url) + "/web", now);
  REQUIRE(changed.status == 200);
  CHECK(changed.body["spec"]["ports"][0]["nodePort"].get<int>() >= 30000);
  CHECK(changed.body["spec"]["clusterIP"] == now["spec"]["clusterIP"]);
  CHECK(w.put(std::string(url) + "/web", changed.body).status == 200);
}

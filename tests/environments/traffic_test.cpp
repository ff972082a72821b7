#include "environments/embedded/traffic.hpp"

#include "environments/embedded/measurements.hpp"
#include "tests/environments/small_world.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using test::small_world;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const json& readiness(const json& pod) {
  return pod["spec"]["containers"][0]["readinessProbe"];
}

} // namespace

TEST_CASE("users of a healthy system are content and an idle cluster has nothing to do") {
  small_world w;
  auto start = w.c->now();
  w.pass(600);
  auto r = slo(*w.c, start, w.c->now());
  CHECK(r.success == 1);
  CHECK(r.p95_ms > 0);
  CHECK(r.p95_ms < 100);
  CHECK(r.met);
  CHECK(downtime_seconds(*w.c, start, w.c->now()) == 0);
  CHECK_FALSE(w.c->next_event());
  CHECK(seen_by_users(w.c->traffic(), start, w.c->now()).size() == 1);
}

TEST_CASE("no ready endpoint is downtime, by the second") {
  small_world w;
  auto start = w.c->now();
  w.pass(10);
  w.set_endpoints("time-service", false);
  w.pass(30);
  w.set_endpoints("time-service", true);
  w.pass(60);
  CHECK(downtime_seconds(*w.c, start, w.c->now()) == doctest::Approx(30));
  auto r = slo(*w.c, start, w.c->now());
  CHECK(r.success == doctest::Approx(0.7));
  CHECK(r.worst_success == 0);
  CHECK_FALSE(r.met);
  CHECK(slo(*w.c, w.c->now() - std::chrono::seconds{30}, w.c->now()).met);
}

TEST_CASE("a network test asks the service alone, not those it depends on") {
  small_world w;
  w.hurt("time-service", "net_delay", {{"ms", 3000}}, lifetime::sandbox);
  random_source chance{1};
  auto caller = transactions_with(*w.c, "simple-micro", "hello-service", 12, chance);
  auto own = transactions_with(*w.c, "simple-micro", "time-service", 12, chance);
  REQUIRE(caller.ok());
  REQUIRE(own.ok());
  CHECK(caller->failed == 0);
  CHECK(own->failed == 12);
}

TEST_CASE("a delayed pod makes users wait until the effect ends") {
  small_world w;
  auto id = w.hurt("hello-service", "net_delay", {{"ms", 1000}}, lifetime::sandbox);
  auto start = w.c->now();
  w.pass(20);
  CHECK_FALSE(slo(*w.c, start, w.c->now()).met);
  w.heal(id);
  auto healed = w.c->now();
  w.pass(20);
  CHECK(slo(*w.c, healed, w.c->now()).met);
}

TEST_CASE("hogs take the container to its limit and memory up in one step") {
  small_world w;
  auto pod = w.pod("time-service");
  auto before = working_set_bytes(*w.c, pod, "time-service");
  w.hurt("time-service", "cpu_hog", {{"workers", 10}, {"load", 100}});
  w.hurt("time-service", "memory_hog", {{"workers", 1}, {"bytes", 1280.0 * 1048576}});
  CHECK(cpu_cores(*w.c, pod, "time-service") == doctest::Approx(0.5));
  CHECK(cpu_cores(*w.c, pod, "sidecar-busybox") < 0.001);
  CHECK(working_set_bytes(*w.c, pod, "time-service") - before == doctest::Approx(1280.0 * 1048576));
}

TEST_CASE("starting takes as long as the CPU limit makes it") {
  small_world w;
  auto pod = w.pod("hello-service");
  CHECK(start_seconds(*w.c, pod, "hello-service") == doctest::Approx(1.6));
  pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "2m";
  CHECK(start_seconds(*w.c, pod, "hello-service") == doctest::Approx(80));
  pod["spec"]["containers"][0]["resources"].erase("limits");
  CHECK(start_seconds(*w.c, pod, "hello-service") == doctest::Approx(0.8));
}

TEST_CASE("health checks fail with the kubelet's words") {
  small_world w;
  auto pod = w.pod("time-service");
  auto fine = probe(*w.c, pod, "time-service", readiness(pod));
  CHECK(fine.ok);
  CHECK(fine.seconds < 0.5);
  auto id = w.hurt("time-service", "net_delay", {{"ms", 1000}}, lifetime::sandbox);
  auto slow = probe(*w.c, pod, "time-service", readiness(pod));
  CHECK_FALSE(slow.ok);
  CHECK(slow.seconds == 1);
  CHECK(slow.message ==
        "Get \"http://10.42.0.7:5001/time\": context deadline exceeded (Client.Timeout exceeded "
        "while awaiting headers)");
  json tcp = {{"tcpSocket", {{"port", 5001}}}, {"timeoutSeconds", 5}};
  CHECK(probe(*w.c, pod, "time-service", tcp).ok);
  w.heal(id);
  w.c->node().edit("time-service-uid")->find("time-service")->image = "registry.k8s.io/pause:3.9";
  auto refused = probe(*w.c, pod, "time-service", tcp);
  CHECK_FALSE(refused.ok);
  CHECK(refused.message == "dial tcp 10.42.0.7:5001: connect: connection refused");
  CHECK(has(
      probe(*w.c, pod, "time-service", readiness(pod)).message,
      "Get \"http://10.42.0.7:5001/time\": dial tcp 10.42.0.7:5001: connect: connection refused"));
}

TEST_CASE("half of the packets lost fails about half of the checks, repeatably") {
  auto failures = [](std::uint64_t seed) {
    small_world w(seed);
    w.hurt("time-service", "net_loss", {{"percent", 50}}, lifetime::sandbox);
    auto pod = w.pod("time-service");
    std::string out;
    for (int i = 0; i < 200; ++i) {
      w.pass(2);
      out += probe(*w.c, pod, "time-service", readiness(pod)).ok ? '.' : 'x';
    }
    return out;
  };
  auto one = failures(5);
  auto failed = std::count(one.begin(), one.end(), 'x');
  CHECK(failed > 80);
  CHECK(failed < 140);
  CHECK(failures(5) == one);
  CHECK(failures(6) != one);
}

TEST_CASE("a request goes by name through the service to a pod and along the call graph") {
  small_world w;
  auto client = w.pod("hello-service");
  auto ask = [&](const std::string& host, int port) {
    return send_request(*w.c, &client, host, port, "/", 5, "t");
  };
  using kind = request_outcome::kind;
  CHECK(ask("time-service", 5001).status == 200);
  CHECK(ask("time-service.simple-micro.svc.cluster.local", 5001).what == kind::answered);
  CHECK(ask("10.43.0.17", 5001).address == "10.43.0.17:5001");
  CHECK(ask("10.42.0.7", 5001).what == kind::answered);
  CHECK(ask("10.42.0.7", 9999).what == kind::refused);
  CHECK(ask("time-service", 80).what == kind::timed_out);
  CHECK(ask("nobody", 80).what == kind::no_name);
  CHECK(ask("203.0.113.9", 80).what == kind::timed_out);
  CHECK(ask("hello-service", 5000).status == 200);
  w.set_endpoints("time-service", false);
  CHECK(ask("time-service", 5001).what == kind::refused);
  CHECK(ask("hello-service", 5000).status == 500);
}

TEST_CASE("a fork goes on by itself") {
  small_world w;
  auto other = w.c->fork(9);
  w.hurt("hello-service", "net_partition", json::object(), lifetime::sandbox);
  auto start = w.c->now();
  w.pass(10);
  other->advance_to(w.c->now());
  CHECK(downtime_seconds(*w.c, start, w.c->now()) == doctest::Approx(10));
  CHECK(downtime_seconds(*other, start, w.c->now()) == 0);
}

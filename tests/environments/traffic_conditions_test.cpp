#include "environments/embedded/traffic_conditions.hpp"

#include "tests/environments/small_world.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using test::small_world;

namespace {

/// What the traffic knows is what a first look at the same cluster finds.
void check_as_first_seen(const cluster& c) {
  const auto& app = c.traffic().apps.at("simple-micro");
  traffic_conditions first(c, nullptr);
  const auto input = look_again(c, *app.profile, nullptr, nullptr, first);
  REQUIRE(input);
  CHECK(*app.input == *input);
  for (const auto* pod : c.node().all()) {
    const known_pod known(c.objects().get("pods", {pod->ns, pod->name}));
    for (const auto& one : pod->containers) {
      const auto* used = c.traffic().usage.find(pod->uid + "/" + one.name);
      CHECK((used != nullptr) == one.running());
      if (!used) continue;
      const container_view view(c, known, one.name);
      CHECK((*used)->samples.back().cores == cpu_cores(view));
      CHECK((*used)->samples.back().bytes == memory_in_use(view));
    }
  }
}

} // namespace

TEST_CASE("whatever changed, the traffic knows what a first look would find") {
  small_world w;
  check_as_first_seen(*w.c);
  w.set_endpoints("time-service", false);
  check_as_first_seen(*w.c);
  w.set_endpoints("time-service", true);
  const auto hog = w.hurt("time-service", "cpu_hog", {{"workers", 3}, {"load", 100}});
  check_as_first_seen(*w.c);
  const auto slow = w.hurt("hello-service", "net_delay", {{"ms", 100}}, lifetime::sandbox);
  check_as_first_seen(*w.c);
  w.heal(hog);
  check_as_first_seen(*w.c);
  w.heal(slow);
  check_as_first_seen(*w.c);

  auto less = w.pod("time-service");
  less["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "50m";
  w.c->put("pods", less);
  w.c->settle();
  check_as_first_seen(*w.c);

  auto& restarted = *w.c->node().edit(w.uid("hello-service"))->find("hello-service");
  ++restarted.instance;
  restarted.started_at = w.c->now();
  restarted.serving_at = w.c->now() + from_seconds(2);
  traffic_touched(*w.c);
  w.c->settle();
  check_as_first_seen(*w.c);
  w.pass(3); // it listens again, without any write
  check_as_first_seen(*w.c);

  w.c->node().edit(w.uid("hello-service"))->find("hello-service")->phase =
      container_phase::terminated;
  traffic_touched(*w.c);
  w.c->settle();
  check_as_first_seen(*w.c);
  w.c->erase("services", {"simple-micro", "time-service"});
  w.c->settle();
  check_as_first_seen(*w.c);
}

TEST_CASE("a policy that appears is felt by pods that nobody wrote to") {
  small_world w;
  json policy = {{"kind", "NetworkPolicy"},
                 {"apiVersion", "networking.k8s.io/v1"},
                 {"metadata", {{"name", "none"}, {"namespace", "simple-micro"}}},
                 {"spec", {{"podSelector", json::object()}, {"policyTypes", {"Ingress"}}}}};
  w.c->put("networkpolicies.networking.k8s.io", policy);
  w.c->settle();
  const auto& app = w.c->traffic().apps.at("simple-micro");
  CHECK_FALSE(app.input->at("time-service").endpoints.at(0).filters.empty());
  check_as_first_seen(*w.c);
  w.c->erase("networkpolicies.networking.k8s.io", {"simple-micro", "none"});
  w.c->settle();
  CHECK(app.input->at("time-service").endpoints.at(0).filters.empty());
  check_as_first_seen(*w.c);
}

TEST_CASE("what a fork of the cluster knows is its own") {
  small_world w;
  const auto fork = w.c->fork(7);
  w.set_endpoints("time-service", false);
  check_as_first_seen(*w.c);
  traffic_touched(*fork);
  fork->settle();
  check_as_first_seen(*fork);
  CHECK(fork->traffic().apps.at("simple-micro").input->at("time-service").endpoints.size() == 1);
}

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

TEST_CASE("the node names what ran, came or went under which name, until that was seen") {
  node_state node;
  const auto add = [&](const std::string& ns, const std::string& name) {
    pod_runtime pod;
    pod.uid = "uid of " + name;
    pod.ns = ns;
    pod.name = name;
    node.add(std::move(pod));
  };
  for (const auto* name : {"cart-1", "cart-2", "carts-1", "menu-1"}) add("shop", name);
  add("bank", "cart-9");
  const auto names = [&](std::string_view ns, std::string_view prefix) {
    std::vector<std::string> out;
    for (const auto* pod : node.named(ns, prefix)) out.push_back(pod->name);
    return out;
  };
  CHECK(names("shop", "cart-") == std::vector<std::string>{"cart-1", "cart-2"});
  CHECK(names("", "cart-") == std::vector<std::string>{"cart-9", "cart-1", "cart-2"});
  CHECK(names("shop", "").size() == 4);
  CHECK(names("home", "").empty());
  CHECK(node.edited().size() == 5);
  node.forget_edited();
  CHECK(node.edited().empty());
  const auto fork = node;
  node.edit("uid of menu-1");
  node.remove("uid of cart-2");
  CHECK(node.edited() == std::set<object_key>{{"shop", "cart-2"}, {"shop", "menu-1"}});
  CHECK(fork.edited().empty());
}

TEST_CASE("a pod's use of the CPU is told again from its share of the requests") {
  small_world w;
  const auto& flow = flow_in(*w.c, "simple-micro");
  for (const auto* name : {"time-service", "hello-service"}) {
    const auto spec = w.c->objects().get("pods", key_of(w.pod(name)));
    const known_pod known(spec);
    const container_view view(*w.c, known, known->main);
    const auto use = cpu_use_of(view);
    REQUIRE(use.serves);
    CHECK(use.part.endpoints == 1);
    CHECK(use.cores == cpu_cores(view));
    CHECK(cores_now(use, flow, common_surroundings(*w.c)) == use.cores);
    CHECK(flow.busy_cores(name, known->name) == flow.busy_cores(use.part));
  }
  CHECK(flow.share_of("time-service", "nobody").endpoints == 0);
  CHECK(flow.busy_cores(flow.share_of("nothing", "nobody")) == 0);
}

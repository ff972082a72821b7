#include "environments/embedded/lazy_flow.hpp"

#include "environments/embedded/traffic.hpp"
#include "runtime/random.hpp"
#include "tests/environments/small_world.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace remed;
using namespace remed::env;
using test::small_world;

namespace {

/// Three services, two of which call each other when `ring`.
system_profile three_services(bool ring) {
  system_profile s;
  s.name = "demo";
  s.users = 20;
  s.think_s = 2;
  s.entry = {"front"};
  for (const auto* name : {"back", "front", "middle"}) {
    service_profile p;
    p.name = name;
    p.cpu_ms = 3;
    p.latency_ms = 8;
    s.services[name] = p;
  }
  s.services["front"].calls = {{"middle", 1, 2, true}, {"back", 1.6, 1, false}};
  s.services["middle"].routes = {{"/a", 3, {{"back", 1, 2, true}}}, {"/b", 1, {}}};
  if (ring) s.services["back"].calls = {{"middle", 0.2, 1, true, 1}};
  return s;
}

/// As many pods as it likes, well or not.
flow_input any_input(random_source& chance) {
  flow_input out;
  for (const auto* name : {"back", "front", "middle"}) {
    auto& service = out[name];
    const auto pods = chance.below(8) == 0 ? 0 : 1 + chance.below(2);
    for (std::uint64_t n = 0; n < pods; ++n) {
      flow_container pod;
      pod.pod = std::string(name) + "-" + std::to_string(n);
      pod.cores = 0.2 + chance.unit();
      if (chance.below(4) == 0) pod.hog_threads = 3;
      if (chance.below(4) == 0) pod.loss = 0.3;
      if (chance.below(6) == 0) pod.failure = 0.2;
      if (chance.below(8) == 0) pod.listening = false;
      if (chance.below(8) == 0) pod.lost_names = {"back"};
      service.endpoints.push_back(pod);
    }
  }
  return out;
}

void check_same(const users_flow& a, const users_flow& b) {
  CHECK(a.success == b.success);
  CHECK(a.p50_ms == b.p50_ms);
  CHECK(a.p95_ms == b.p95_ms);
  CHECK(a.rps == b.rps);
}

} // namespace

TEST_CASE("what is asked late is what would have been told at once") {
  random_source chance{5};
  for (int i = 0; i < 120; ++i) {
    const auto system = std::make_shared<const system_profile>(three_services(i % 3 == 0));
    const auto input = std::make_shared<const flow_input>(any_input(chance));
    const auto seed = chance.next();
    const auto at_once = evaluate_flow(*system, *input, seed);
    const lazy_flow late(system, input, seed);
    if (i % 2 == 0) check_same(late.users(), at_once);
    for (const auto& [name, flow] : at_once.services) {
      for (const auto& [pod, cores] : flow.busy_cores) CHECK(late.busy_cores(name, pod) == cores);
      CHECK(late.busy_cores(name, "nobody") == 0);
      const lazy_flow next(system, input, seed, &late);
      const auto* alone = next.service(name);
      REQUIRE(alone);
      CHECK(alone->rps == flow.rps);
      CHECK(alone->success == flow.success);
      CHECK(alone->p50_ms == flow.p50_ms);
      CHECK(alone->p99_ms == flow.p99_ms);
      CHECK(alone->mean_ms == flow.mean_ms);
      CHECK(alone->within == flow.within);
      CHECK(alone->busy_cores == flow.busy_cores);
      const auto& same = late.whole().services.at(name);
      CHECK(same.rps == flow.rps);
      CHECK(same.success == flow.success);
      CHECK(same.p99_ms == flow.p99_ms);
      CHECK(same.within == flow.within);
    }
    check_same(late.users(), at_once);
    CHECK(late.service("nobody") == nullptr);
  }
}

TEST_CASE("cases without trouble come out as if each were looked at by itself") {
  const auto system = three_services(false);
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    flow_input well;
    for (const auto& [name, p] : system.services) {
      flow_container pod;
      pod.pod = name;
      pod.cores = 0.5;
      well[name].endpoints = {pod};
    }
    // Too little to be felt, yet no longer nothing: such a pod's cases are followed one by one.
    auto slow_links = well, rare_errors = well;
    for (auto& [name, service] : slow_links)
      service.endpoints[0].delay_ms = std::numeric_limits<double>::denorm_min();
    for (auto& [name, service] : rare_errors) service.endpoints[0].failure = 1e-15;
    const auto expected = evaluate_flow(system, well, seed);
    CHECK(expected.p50_ms > 0);
    for (const auto& other : {slow_links, rare_errors}) {
      const auto got = evaluate_flow(system, other, seed);
      check_same(got, expected);
      for (const auto& [name, flow] : expected.services) {
        CHECK(got.services.at(name).p50_ms == flow.p50_ms);
        CHECK(got.services.at(name).mean_ms == flow.mean_ms);
      }
    }
  }
}

TEST_CASE("a long past is remembered as it was seen") {
  small_world w;
  const auto start = w.c->now();
  constexpr int times = 260; // each leaves two segments
  for (int i = 0; i < times; ++i) {
    w.set_endpoints("time-service", false);
    w.pass(1);
    w.set_endpoints("time-service", true);
    w.pass(2);
  }
  CHECK(w.c->traffic().timeline.size() > 10);
  CHECK(downtime_seconds(*w.c, start, w.c->now()) == doctest::Approx(times));
  CHECK(slo(*w.c, start, w.c->now()).success == doctest::Approx(2.0 / 3));
  const auto first = seen_by_users(w.c->traffic(), start, start + from_seconds(3));
  REQUIRE(first.size() == 2);
  CHECK(first[0].success_rate == 0);
  CHECK(first[1].success_rate == 1);
}

// `remed prove` on a sample, and that a wrong claim of a fault file is found out.
#include "experiments/proof.hpp"

#include "chaos/mesh/rules.hpp"
#include "environments/embedded/boot.hpp"
#include "experiments/workshop_tools.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace remed;
using namespace remed::experiments;

namespace {

settings stepped() {
  settings s;
  s.tools = tool_kind::inprocess;
  return s;
}

proof prove_it(const chaos::fault& f, const std::string& target) {
  static const settings how = stepped();
  static workshop shop(how, nullptr);
  auto booted = shop.system("simple-micro");
  REQUIRE(booted.ok());
  return prove(**booted, f, target, *chaos::load_verification_plan(), {});
}

std::string told(const proof& p) {
  std::string out;
  for (const auto& s : p.steps) {
    if (!s.passed && s.applies) out += s.name + ": " + s.detail + "; ";
  }
  return out;
}

const proof_step& step(const proof& p, const std::string& name) {
  auto found =
      std::find_if(p.steps.begin(), p.steps.end(), [&](auto& s) { return s.name == name; });
  REQUIRE(found != p.steps.end());
  return *found;
}

} // namespace

TEST_CASE("a sample of the faults is proven with all their remedies") {
  for (const auto* id : {"cpu-stress", "pod-config-error", "leaky-release", "none"}) {
    CAPTURE(id);
    const auto p = prove_it(*chaos::load_fault(id), "time-service");
    CHECK_MESSAGE(p.passed, told(p));
  }
}

TEST_CASE("what a file claims of remedies is not believed") {
  auto f = *chaos::load_fault("network-loss");
  f.accepted_remedies = {"restart-container"}; // the network outlives the container
  f.unacceptable_remedies = {"rolling-restart"};
  const auto p = prove_it(f, "time-service");
  CHECK_FALSE(p.passed);
  CHECK_FALSE(step(p, "restart-container").passed);
  CHECK_FALSE(step(p, "rolling-restart").passed);
}

TEST_CASE("an oracle that holds under the fault, and an inverse that does nothing, are found") {
  auto f = *chaos::load_fault("network-loss");
  f.accepted_remedies = f.unacceptable_remedies = {};
  auto weak = f;
  weak.oracle = {{"pods_ready", json{{"ready", true}}}};
  CHECK_FALSE(step(prove_it(weak, "hello-service"), "oracle").passed);
  auto blind = f;
  blind.oracle = {{"effect", json{{"present", false}}}};
  CHECK(step(prove_it(blind, "hello-service"), "oracle").passed);
  CHECK_FALSE(step(prove_it(blind, "hello-service"), "blind").passed);
  auto lasting = f;
  lasting.inverse[0].name = "something-else";
  CHECK_FALSE(step(prove_it(lasting, "hello-service"), "inverse").passed);
}

namespace {

/// simple-micro with another profile of its first service.
template <class F>
proof prove_on_changed(const std::string& fault, F&& change) {
  auto system = *env::load_system("simple-micro");
  change(system.services.at("hello-service"));
  auto cluster = env::boot(system, chaos::chaos_rules(), {});
  REQUIRE(cluster.ok());
  REQUIRE(chaos::install_chaos(**cluster).ok());
  (*cluster)->advance_to((*cluster)->now() + std::chrono::seconds{60}); // metrics need two scrapes
  proof_plan plan;
  plan.remedies = false;
  const workshop::booted place{std::move(system), std::move(*cluster), {}};
  return prove(place, *chaos::load_fault(fault), "hello-service", *chaos::load_verification_plan(),
               plan);
}

} // namespace

TEST_CASE("names are lost for what a service calls on one of its routes, too") {
  const auto p = prove_on_changed("dns-error", [](env::service_profile& hello) {
    hello.routes = {{"/", 1, std::move(hello.calls)}};
    hello.calls.clear();
  });
  CHECK_MESSAGE(p.passed, told(p));
}

TEST_CASE("a service that is busy when all is well is not taken for a sick one") {
  const auto p = prove_on_changed("cpu-stress", [](env::service_profile& hello) {
    hello.idle_millicores = 300; // of 500
  });
  CHECK_MESSAGE(p.passed, told(p));
}

TEST_CASE("a fault that nobody feels is no fault") {
  auto f = *chaos::load_fault("network-loss");
  f.symptom = {{"pods_ready", json{{"ready", false}}}};
  f.inject[0].body["spec"]["loss"]["loss"] = "0";
  const auto p = prove_it(f, "hello-service");
  CHECK_FALSE(p.passed);
  CHECK(p.steps.back().name == "symptom");
}

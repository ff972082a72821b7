// `remed prove` on a sample, and that a wrong claim of a fault file is found out.
#include "experiments/proof.hpp"

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

TEST_CASE("a fault that nobody feels is no fault") {
  auto f = *chaos::load_fault("network-loss");
  f.symptom = {{"pods_ready", json{{"ready", false}}}};
  f.inject[0].body["spec"]["loss"]["loss"] = "0";
  const auto p = prove_it(f, "hello-service");
  CHECK_FALSE(p.passed);
  CHECK(p.steps.back().name == "symptom");
}

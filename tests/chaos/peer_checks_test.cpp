// MicroRemed's verdict, with its strengths and its holes.
#include "chaos/peer_checks.hpp"

#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

const std::string apps = "/apis/apps/v1/namespaces/simple-micro/deployments/";
constexpr auto strategic = "application/strategic-merge-patch+json";

class peer_court {
public:
  explicit peer_court(const std::string& fault_id, const std::string& service = "hello-service")
      : s(about(fault_id, service)), j(s.what, s.where, l.world, simple_micro()) {
    if (s.what.inject.empty()) return;
    knife = std::make_shared<surgery>(l.world, s, object_name(s.what, "court"));
    knife->inject([](result<void> d) { REQUIRE(d.ok()); });
    l.pass(1);
    REQUIRE(l.wait_for(s.what.symptom, s, 120));
    j.begin(l.observe());
  }

  void patch(const std::string& body) {
    REQUIRE_EQ(l.agent("PATCH", apps + s.where.target, json::parse(body), strategic).status, 200);
  }
  void restart() {
    patch(R"({"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}})");
  }

  peer_verdict verify() {
    std::optional<peer_verdict> out;
    std::optional<duration> waiting;
    peer_verification v(
        j, [&](duration d) { waiting = d; },
        [&](result<peer_verdict> got) {
          REQUIRE(got.ok());
          out = *got;
        });
    const auto from = l.world.now();
    v.begin();
    for (int i = 0; i < 1000 && !out; ++i) {
      REQUIRE(waiting.has_value());
      l.pass(seconds(*std::exchange(waiting, std::nullopt)));
      v.resume();
    }
    REQUIRE(out.has_value());
    took_s = seconds(l.world.now() - from);
    return *out;
  }

  lab l;
  setting s;
  judge j;
  std::shared_ptr<surgery> knife;
  double took_s = 0;
};

} // namespace

TEST_CASE("MicroRemed's checks pass after a cure and fail without, within their time limits") {
  for (const auto* fault : {"cpu-stress", "network-delay", "disk-io", "pod-fail"}) {
    CAPTURE(fault);
    peer_court sick(fault);
    const auto untouched = sick.verify();
    CHECK(untouched.applies);
    CHECK_FALSE_MESSAGE(untouched.recovered, untouched.detail);
    const bool slow = std::string(fault) == "cpu-stress" || std::string(fault) == "pod-fail";
    CHECK_LE(sick.took_s, slow ? 320 : 330); // those of 10 s first wait until all is Ready
    peer_court cured(fault);
    cured.restart();
    const auto healthy = cured.verify();
    CHECK_MESSAGE(healthy.recovered, fault, ": ", healthy.detail);
  }
}

TEST_CASE("MicroRemed's check of CPU is fooled by removing the limit, as in MicroRemed") {
  peer_court c("cpu-stress");
  c.patch(R"({"spec": {"template": {"spec": {"containers": [
    {"name": "hello-service", "resources": {"$patch": "replace"}}]}}}})");
  const auto v = c.verify();
  CHECK(v.recovered); // the sound verdict flags it: removed_limits
}

TEST_CASE("MicroRemed has no check for faults of ours") {
  peer_court c("wrong-image");
  CHECK_FALSE(c.verify().applies);
}

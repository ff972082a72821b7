#include "chaos/mesh/action.hpp"
#include "chaos/mesh/experiment.hpp"
#include "chaos/mesh/go_values.hpp"
#include "chaos/mesh/selector.hpp"
#include "chaos/scenario.hpp"
#include "chaos/score.hpp"
#include "runtime/json.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace remed;
using namespace remed::chaos;
using mesh::apply_mode;

TEST_CASE("durations are read as Go reads them, with its error texts") {
  CHECK(*mesh::parse_duration("1h15m30.5s") == std::chrono::milliseconds{4530500});
  CHECK(*mesh::parse_duration("-200ms") == std::chrono::milliseconds{-200});
  CHECK(*mesh::parse_duration("0") == duration{0});
  CHECK(mesh::parse_duration("10").why().what == "time: missing unit in duration \"10\"");
  CHECK(mesh::parse_duration("abc").why().what == "time: invalid duration \"abc\"");
  CHECK(mesh::parse_duration("3y").why().what == "time: unknown unit \"y\" in duration \"3y\"");
  CHECK(mesh::parse_duration("").why().what == "time: invalid duration \"\"");
}

TEST_CASE("stressor sizes are decimal, binary or a share of the host") {
  CHECK(*mesh::parse_bytes("256MB", 0) == 256e6);
  CHECK(*mesh::parse_bytes("1280MiB", 0) == 1280.0 * 1048576);
  CHECK(*mesh::parse_bytes("50%", 1000) == 500);
  CHECK(mesh::parse_bytes("150%", 1000).why().what == "illegal proportion");
  CHECK_FALSE(mesh::parse_bytes("12 apples", 0).ok());
}

TEST_CASE("modes leave as many targets as Chaos Mesh does") {
  random_source chance{7};
  CHECK(apply_mode("all", "", 4, chance)->size() == 4);
  CHECK(apply_mode("one", "", 4, chance)->size() == 1);
  CHECK(apply_mode("fixed", "9", 4, chance)->size() == 4);
  CHECK(apply_mode("fixed", "2", 4, chance)->size() == 2);
  CHECK(apply_mode("fixed-percent", "50", 5, chance)->size() == 3);
  CHECK(apply_mode("fixed-percent", "1", 5, chance)->size() == 1);
  CHECK_FALSE(apply_mode("fixed", "none", 4, chance).ok());
  CHECK_FALSE(apply_mode("fixed-percent", "101", 4, chance).ok());
  bool none = false, some = false;
  for (int i = 0; i < 200; ++i) {
    auto left = apply_mode("random-max-percent", "100", 4, chance);
    none = none || left->empty();
    some = some || left->size() > 2;
  }
  CHECK(none);
  CHECK(some);
}

TEST_CASE("a mode draws every target sooner or later, and none twice") {
  random_source chance{3};
  std::set<std::size_t> seen;
  for (int i = 0; i < 100; ++i) {
    auto left = *apply_mode("fixed", "2", 5, chance);
    CHECK(left[0] != left[1]);
    seen.insert(left.begin(), left.end());
  }
  CHECK(seen.size() == 5);
}

TEST_CASE("a record follows the cycle, never the short cut") {
  using mesh::operation_for;
  CHECK(operation_for("Run", "Not Injected") == "apply");
  CHECK(operation_for("Run", "Not Injected/Wait") == "apply");
  CHECK(operation_for("Run", "Injected") == "");
  CHECK(operation_for("Run", "Injected/Wait") == "recover");
  CHECK(operation_for("Stop", "Not Injected") == "");
  CHECK(operation_for("Stop", "Not Injected/Wait") == "apply");
  CHECK(operation_for("Stop", "Injected") == "recover");
}

TEST_CASE("failed steps are tried again ever later") {
  CHECK(mesh::retry_delay(1) == std::chrono::milliseconds{5});
  CHECK(mesh::retry_delay(3) == std::chrono::milliseconds{20});
  CHECK(mesh::retry_delay(100) == std::chrono::seconds{1000});
}

TEST_CASE("the duration of an experiment counts from its creation, pause or not") {
  json cr = json::parse(R"({"kind": "StressChaos", "metadata": {"creationTimestamp":
    "2026-01-01T00:00:00Z"}, "spec": {"duration": "60s"}})");
  const auto start = stepped_epoch;
  CHECK(mesh::desired_phase(cr, start).phase == "Run");
  cr["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = "true";
  CHECK(mesh::desired_phase(cr, start + std::chrono::seconds{30}).reason == "Paused");
  cr["metadata"].erase("annotations");
  CHECK(mesh::desired_phase(cr, start + std::chrono::seconds{59}).phase == "Run");
  CHECK(mesh::desired_phase(cr, start + std::chrono::seconds{61}).reason == "TimeUp");
  cr["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z";
  CHECK(mesh::desired_phase(cr, start).reason == "Deleted");
}

TEST_CASE("one-shot experiments always run: pause and duration do not count") {
  json cr = json::parse(R"({"kind": "PodChaos", "metadata": {"creationTimestamp":
    "2020-01-01T00:00:00Z", "annotations": {"experiment.chaos-mesh.org/pause": "true"}},
    "spec": {"action": "pod-kill", "duration": "1s"}})");
  CHECK(mesh::desired_phase(cr, stepped_epoch).phase == "Run");
}

TEST_CASE("the annotation that keeps an image falls back to a short key above 63 characters") {
  CHECK(mesh::image_annotation("pod-fail", "ts-order-service", false) ==
        "chaos-mesh-pod-fail-pod-failure-ts-order-service-normal-image");
  CHECK(mesh::image_annotation("pod-fail", "ts-notification-service", false) ==
        "ts-notification-service-normal");
  CHECK(mesh::image_annotation("pod-fail", "ts-admin-basic-info-service", true) ==
        "ts-admin-basic-info-service-init");
}

TEST_CASE("a cure that replaces only the target's pods scores exactly 1") {
  conduct clean;
  clean.downtime_s = downtime_tolerance_s;
  CHECK(score(true, clean) == 1.0);
  CHECK(score(false, clean) == 0.0);
}

TEST_CASE("deleting the fault scores nothing, restarting everything scores less") {
  conduct cheat;
  cheat.flags = {"deleted_fault"};
  CHECK(score(true, cheat) == 0.0);
  conduct broad;
  broad.flags = {"touched_other_services"};
  broad.needless_restarts = 1;
  broad.foreign_writes = 1;
  CHECK(score(true, broad) < 0.6);
  CHECK(score(true, broad) > 0.0);
  conduct slow;
  slow.downtime_s = downtime_tolerance_s + 60;
  CHECK(score(true, slow) == doctest::Approx(0.5));
}

TEST_CASE("the target follows from the seed alone and all are drawn") {
  env::system_profile system;
  system.name = "s";
  system.targets = {"a", "b", "c"};
  system.targets_by_fault["disk-io"] = {"db"};
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto one = choose_target(system, "cpu-stress", seed);
    CHECK(*one == *choose_target(system, "cpu-stress", seed));
    seen.insert(*one);
    CHECK(*choose_target(system, "disk-io", seed) == "db");
  }
  CHECK(seen.size() == 3);
  CHECK(check_target(system, "disk-io", "a").why().what.find("'a'") != std::string::npos);
  system.targets.clear();
  CHECK(choose_target(system, "cpu-stress", 1).why().code == errc::bad_input);
}

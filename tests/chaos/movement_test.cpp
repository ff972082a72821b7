#include "chaos/movement.hpp"

#include "chaos/differences.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace remed;
using namespace remed::chaos;

namespace {

env::object named(const std::string& name) {
  return env::make_object({{"metadata", {{"name", name}}}});
}

env::object pod(const std::string& name, bool ready, int restarts = 0) {
  json out;
  out["metadata"] = {{"name", name}, {"uid", name}, {"creationTimestamp", "2024-01-01T00:00:00Z"}};
  out["spec"]["containers"] = json::array({{{"name", "server"}, {"image", "shop:1"}}});
  out["status"]["conditions"] =
      json::array({{{"type", "Ready"}, {"status", ready ? "True" : "False"}}});
  out["status"]["containerStatuses"] =
      json::array({{{"name", "server"}, {"restartCount", restarts}}});
  return env::make_object(std::move(out));
}

env::seen_objects seen(std::vector<env::object> pods) {
  env::seen_objects out;
  out.edit("pods") = std::move(pods);
  return out;
}

std::string told(const std::vector<env::object>& before, const std::vector<env::object>& now) {
  std::string out;
  each_difference(before, now, [&](const auto& old, const auto& fresh) {
    out += (old ? "-" + std::string(name_of(old)) : "") +
           (fresh ? "+" + std::string(name_of(fresh)) : "") + " ";
  });
  return out;
}

} // namespace

TEST_CASE("what differs between two looks is told by name, and nothing of what both saw") {
  const auto a = named("a"), b = named("b"), c = named("c"), d = named("d"), b2 = named("b");
  CHECK(told({a, b, c}, {a, b, c}).empty());
  CHECK(told({a, b, c}, {a, b2, c}) == "-b+b ");
  CHECK(told({a, c}, {a, b, c, d}) == "+b +d ");
  CHECK(told({a, b, d}, {b2, c, d}) == "-a -b+b +c ");
  CHECK(told({}, {a}) == "+a ");
  CHECK(told({a, b}, {}) == "-a -b ");
}

TEST_CASE("pods that come, go, get ready or get another image move; restarts alone do not") {
  movement by;
  const auto calm = pod("calm", true), failing = pod("failing", false, 1);
  CHECK(by.follow(seen({calm, failing})));
  CHECK_FALSE(by.follow(seen({calm, failing})));
  CHECK_FALSE(by.follow(seen({calm, pod("failing", false, 2)})));
  CHECK(by.follow(seen({calm})));
  CHECK(by.follow(seen({pod("calm", false, 1)})));
  auto other = *calm;
  other["spec"]["containers"][0]["image"] = "shop:2";
  CHECK(by.follow(seen({env::make_object(other)})));
}

TEST_CASE(
    "a remedy goes on while a pod ends or comes up or a rollout is not seen by its controller") {
  const auto start = *env::parse_time("2024-01-01T00:00:00Z");
  movement by;
  by.follow(seen({pod("calm", true), pod("failing", false, 1)}));
  CHECK(by.until() == vtime{});
  const auto coming = pod("coming", false);
  by.follow(seen({coming}));
  CHECK(by.until() == start + std::chrono::minutes{3});
  auto ending = *coming;
  ending["metadata"]["deletionTimestamp"] = "2024-01-01T00:00:09Z";
  by.follow(seen({env::make_object(ending)}));
  CHECK(by.until() == vtime::max());
  by.follow(seen({}));
  CHECK(by.until() == vtime{});

  auto changed = seen({});
  const auto shop = [](int generation, int observed) {
    return env::make_object({{"metadata", {{"name", "shop"}, {"generation", generation}}},
                             {"status", {{"observedGeneration", observed}}}});
  };
  changed.edit("deployments.apps") = {shop(2, 1)};
  CHECK(by.follow(changed));
  CHECK(by.until() == vtime::max());
  changed.edit("deployments.apps") = {shop(2, 2)};
  CHECK_FALSE(by.follow(changed));
  CHECK(by.until() == vtime{});
}

#include "environments/embedded/store.hpp"

#include <doctest/doctest.h>

using namespace remed::env;

namespace {
json thing(const std::string& name, int value = 0) {
  return {{"metadata", {{"name", name}, {"namespace", "n"}}}, {"value", value}};
}
} // namespace

TEST_CASE("a write raises the revision, an unchanged object keeps its own") {
  store s;
  auto first = s.put("things", thing("a", 1));
  auto again = s.put("things", thing("a", 1));
  CHECK(first == again);
  CHECK(s.revision() == 2);
  CHECK((*s.put("things", thing("a", 2)))["metadata"]["resourceVersion"] == "3");
}

TEST_CASE("lists are in key order and can be of one namespace") {
  store s;
  s.put("things", thing("b"));
  s.put("things", thing("a"));
  auto other = thing("a");
  other["metadata"]["namespace"] = "o";
  s.put("things", other);
  CHECK(s.list("things").size() == 3);
  auto mine = s.list("things", "n");
  REQUIRE(mine.size() == 2);
  CHECK((*mine[0])["metadata"]["name"] == "a");
}

TEST_CASE("changes come back in order, with what was before and the revision of a deletion") {
  store s;
  s.put("things", thing("a", 1));
  s.put("things", thing("a", 2));
  s.erase("things", {"n", "a"});
  auto seen = s.since(1);
  REQUIRE(seen);
  REQUIRE(seen->size() == 3);
  CHECK((*seen)[0].what == change::type::added);
  CHECK((*(*seen)[1].before)["value"] == 1);
  CHECK((*seen)[2].what == change::type::deleted);
  CHECK((*(*seen)[2].now)["metadata"]["resourceVersion"] == "4");
  CHECK(s.since(3)->size() == 1);
}

TEST_CASE("changes that are no longer kept are refused") {
  store s;
  for (std::size_t i = 0; i < store::history_limit + 10; ++i)
    s.put("things", thing("a", static_cast<int>(i)));
  auto seen = s.since(1);
  REQUIRE(!seen);
  CHECK(seen.why().what.find("too old resource version: 1 (") == 0);
  CHECK(s.since(s.oldest())->size() == store::history_limit);
}

TEST_CASE("forks do not see each other's writes, whichever side writes first") {
  store parent;
  parent.put("things", thing("a", 1));
  store left(parent), right(parent);
  left.put("things", thing("a", 2));
  parent.put("things", thing("a", 3));
  right.erase("things", {"n", "a"});
  CHECK((*left.get("things", {"n", "a"}))["value"] == 2);
  CHECK((*parent.get("things", {"n", "a"}))["value"] == 3);
  CHECK(!right.get("things", {"n", "a"}));
  store again(left);
  left.put("things", thing("a", 4));
  CHECK((*again.get("things", {"n", "a"}))["value"] == 2);
}

TEST_CASE("a store that keeps no changes lets old states go; a fork of it keeps its own") {
  store s;
  s.put("things", thing("a", 1));
  std::weak_ptr<const json> first = s.get("things", {"n", "a"});
  s.put("things", thing("a", 2));
  CHECK(!first.expired());
  s.forget_changes();
  CHECK(first.expired());
  s.put("things", thing("a", 3));
  CHECK(s.oldest() == s.revision());
  CHECK(!s.since(s.revision() - 1));
  CHECK(s.since(s.revision())->empty());
  store fork(s);
  fork.put("things", thing("a", 4));
  CHECK(fork.since(s.revision())->size() == 1);
}

TEST_CASE("forks of a large table write and delete without the other seeing it") {
  store s;
  for (int i = 0; i < 400; ++i) s.put("things", thing("t" + std::to_string(1000 + i), i));
  store fork(s);
  fork.put("things", thing("t1200", -1));
  fork.erase("things", {"n", "t1300"});
  CHECK(fork.count("things") == 399);
  CHECK(s.count("things") == 400);
  CHECK((*s.get("things", {"n", "t1200"}))["value"] == 200);
  CHECK(s.list("things").size() == 400);
  CHECK(fork.list("things", "n").size() == 399);
  CHECK(fork.list("things", "o").empty());
}

TEST_CASE("a list is the very same until somebody writes to the resource, also for a fork") {
  store s;
  s.put("things", thing("a", 1));
  s.put("others", thing("a", 1));
  const auto before = s.list("things", "n");
  store fork(s);
  fork.put("others", thing("b"));
  s.put("things", thing("a", 1)); // as it is
  CHECK(s.list("things", "n").shared() == before.shared());
  CHECK(fork.list("things", "n").shared() == before.shared());
  fork.put("things", thing("a", 2));
  CHECK((*fork.list("things", "n")[0])["value"] == 2);
  CHECK((*before[0])["value"] == 1);
  CHECK(s.list("things", "n").shared() == before.shared());
  fork.erase("things", {"n", "a"});
  CHECK(fork.list("things", "n").empty());
  const std::vector<object> own = before.where([](const object& one) { return !one->empty(); });
  CHECK(own.size() == 1);
}

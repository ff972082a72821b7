// Lists in pieces.
#include "environments/embedded/api/text.hpp"
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

namespace remed::env::test {

namespace {

std::vector<std::string> names(const json& list) {
  std::vector<std::string> out;
  for (const auto& item : list["items"]) out.push_back(item["metadata"]["name"]);
  return out;
}

} // namespace

TEST_CASE("a continued list shows what there was when it began") {
  api_world w;
  for (auto* name : {"a", "b", "c", "d"}) w.post(maps, config_map(name, {{"k", "old"}}));
  auto first = w.get(maps + "?limit=2").body;
  CHECK(names(first) == std::vector<std::string>{"a", "b"});
  CHECK(first["metadata"]["remainingItemCount"] == 2);
  w.remove(maps + "/c");
  w.post(maps, config_map("bb"));
  w.patch(maps + "/d", {{"data", {{"k", "new"}}}});
  auto token = first["metadata"]["continue"].get<std::string>();
  auto rest = w.get(maps + "?limit=2&continue=" + token).body;
  CHECK(names(rest) == std::vector<std::string>{"c", "d"});
  CHECK(rest["items"][1]["data"]["k"] == "old");
  CHECK(rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]);
  CHECK_FALSE(rest["metadata"].contains("continue"));
}

TEST_CASE("a list that began too long ago expires, and can go on inconsistently") {
  api_world w;
  for (auto* name : {"a", "b"}) w.post(maps, config_map(name));
  auto token = w.get(maps + "?limit=1").body["metadata"]["continue"].get<std::string>();
  for (std::size_t i = 0; i <= store::history_limit; ++i)
    w.c->put("configmaps", {{"metadata", {{"name", "b"}, {"namespace", "sem"}}}, {"data", i}});
  auto late = w.get(maps + "?limit=1&continue=" + token);
  CHECK(late.status == 410);
  CHECK(late.body["reason"] == "Expired");
  auto next = late.body["metadata"]["continue"].get<std::string>();
  CHECK(names(w.get(maps + "?continue=" + next).body) == std::vector<std::string>{"b"});
}

} // namespace remed::env::test

#include "runtime/json_value.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using remed::json;

TEST_CASE("members are read in the order of their keys, whatever order they were written in") {
  json out;
  for (const auto* key : {"pods", "apps", "b", "a", "pods.v1", ""}) out[key] = key;
  CHECK(out.dump() == R"({"":"","a":"a","apps":"apps","b":"b","pods":"pods","pods.v1":"pods.v1"})");
  std::vector<std::string> keys;
  for (const auto& [key, value] : out.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"", "a", "apps", "b", "pods", "pods.v1"});
  CHECK(json::parse(R"({"b":1,"a":2,"b":3})").dump() == R"({"a":2,"b":3})");
}

TEST_CASE("members are found, taken out and merged as nlohmann's own are") {
  auto one = json::parse(R"({"a":1,"b":{"x":[1,2]},"c":null})");
  CHECK(one.contains("b"));
  CHECK_FALSE(one.contains("d"));
  CHECK(one.find("c") != one.end());
  CHECK(one.erase("a") == 1);
  CHECK(one.erase("a") == 0);
  one.update(json::parse(R"({"0":0,"b":2})"));
  one.merge_patch(json::parse(R"({"c":{"y":1},"0":null})"));
  CHECK(one.dump() == R"({"b":2,"c":{"y":1}})");
  for (auto at = one.begin(); at != one.end();) at = at.key() == "b" ? one.erase(at) : ++at;
  CHECK(one.dump() == R"({"c":{"y":1}})");
  const std::map<std::string, int> plain = {{"q", 2}, {"p", 1}};
  CHECK(json(plain).get<std::map<std::string, int>>() == plain);
}

TEST_CASE("objects are equal and ordered as maps are") {
  const auto object = [](const char* text) { return json::parse(text); };
  CHECK(object(R"({"a":1,"b":2})") == object(R"({"b":2,"a":1})"));
  CHECK(object(R"({"a":1})") != object(R"({"a":2})"));
  CHECK(object(R"({"a":1})") < object(R"({"a":2})"));
  CHECK(object(R"({"a":1})") < object(R"({"a":1,"b":0})"));
  CHECK(object(R"({"b":1})") > object(R"({"a":2})"));
}

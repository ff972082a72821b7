#include "runtime/json_text.hpp"

#include "runtime/event_log.hpp"
#include "runtime/json_end.hpp"
#include "runtime/messages.hpp"
#include "runtime/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace remed;

namespace {

std::string by_nlohmann(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

TEST_CASE("JSON text is byte for byte what nlohmann writes") {
  auto all = json::array();
  for (int c = 0; c < 256; ++c) {
    // Each byte at each place of a word, and behind one.
    for (std::size_t at = 0; at < 18; ++at) {
      std::string text(17, 'a');
      text.insert(at, 1, static_cast<char>(c));
      all.push_back(text);
    }
  }
  all.push_back("naïve – 日本語 \xf0\x9f\x98\x80 \x7f");
  all.push_back("broken \xff\xc3( and \xe2\x82");
  all.push_back(
      {{"key \"x\"\n", 1}, {"", json::object()}, {"ключ", json::array()}, {"z", nullptr}});
  for (const double x : {0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, -2.5e-7, 123456789.125, 1e16, 3.0})
    all.push_back(x);
  all.push_back(std::numeric_limits<double>::infinity());
  all.push_back(std::nan(""));
  all.push_back(std::numeric_limits<std::int64_t>::min());
  all.push_back(std::numeric_limits<std::uint64_t>::max());
  all.push_back(true);
  for (const auto& one : all) REQUIRE_EQ(dump(one), by_nlohmann(one));
  CHECK_EQ(dump(all), by_nlohmann(all));
}

TEST_CASE("random texts are written as nlohmann writes them") {
  random_source chance{42};
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (auto n = chance.below(40); n > 0; --n)
      text += static_cast<char>(chance.below(chance.below(3) == 0 ? 256 : 128));
    REQUIRE_EQ(dump(json(text)), by_nlohmann(json(text)));
  }
}

TEST_CASE("a struct is written as its JSON, keys sorted") {
  event e;
  e.seq = 7;
  e.kind = "msg";
  e.t = 0.25;
  e.wall = 1e-7;
  e.body = {{"b", "\"quoted\""}, {"a", {1, 2.5, nullptr}}};
  std::string text;
  append_fields(e, text);
  CHECK_EQ(text, by_nlohmann(json(e)));

  verdict v;
  v.status = outcome_kind::masked;
  v.grounds.push_back({"slo", true, "p95 4 ms"});
  text.clear();
  append_fields(v, text);
  CHECK_EQ(text, by_nlohmann(json(v)));
}

TEST_CASE("a document that is taken apart is empty, whatever was in it") {
  auto some = json::parse(R"({"a": [1, {"b": ["c", []]}, null], "d": {"e": {}}, "f": "g"})");
  take_apart(some);
  CHECK(some == json::object());
  auto list = json::array({1, json::array({2})});
  take_apart(list);
  CHECK(list == json::array());
  json word = "as it was";
  take_apart(word);
  CHECK(word == "as it was");
  CHECK(*shared_json({{"x", {1, 2}}}) == json({{"x", {1, 2}}}));
}

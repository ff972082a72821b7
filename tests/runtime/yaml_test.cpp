#include "runtime/budget.hpp"
#include "runtime/config.hpp"

#include <doctest/doctest.h>

using namespace remed;

namespace {

result<limits> read(const std::string& text) {
  auto docs = parse_yaml(text, "limits.yaml");
  if (!docs) return docs.why();
  limits out;
  auto done = bind_yaml(docs->at(0), out);
  if (!done) return done.why();
  return out;
}

} // namespace

TEST_CASE("given keys are taken, others keep their defaults") {
  const auto got = read("t_max: 3\ntrial_s: 60\n");
  REQUIRE(got);
  CHECK_EQ(got->t_max, 3);
  CHECK_EQ(got->trial_s, 60);
  CHECK_EQ(got->probes_per_trial, limits{}.probes_per_trial);
}

TEST_CASE("an unknown key names file, line, path and the nearest key") {
  const auto got = read("t_max: 3\ntokns: 5\n");
  REQUIRE_FALSE(got);
  CHECK_EQ(got.why().what,
           "limits.yaml:2: $.tokns: \"tokns\" is not known here; did you mean "
           "\"tokens\"?");
}

TEST_CASE("a wrong type names the place and what is expected") {
  CHECK_EQ(read("t_max: many\n").why().what, "limits.yaml:1: $.t_max: a whole number is expected");
  CHECK_EQ(read("t_max: -1\n").why().what,
           "limits.yaml:1: $.t_max: a number of at least 0 is expected");
}

TEST_CASE("broken YAML names line and column") {
  const auto got = read("t_max: [1\nx: }");
  REQUIRE_FALSE(got);
  CHECK_EQ(got.why().what.rfind("limits.yaml:2:", 0), 0);
}

TEST_CASE("a key that stands twice is an error") {
  CHECK_NE(read("t_max: 1\nt_max: 2\n").why().what.find("stands twice"), std::string::npos);
}

TEST_CASE("an alias bomb is refused") {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 8; ++i) {
    const auto p = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + p;
    for (int k = 1; k < 10; ++k) text += "," + p;
    text += "]\n";
  }
  const auto docs = parse_yaml(text, "bomb.yaml");
  REQUIRE_FALSE(docs);
  CHECK_NE(docs.why().what.find("too large"), std::string::npos);
}

TEST_CASE("quoted scalars stay texts, plain ones get their type, and writing keeps that") {
  const auto docs = parse_yaml("a: '5'\nb: 5\nc: yes\nd: 1.5\ne: true\nf: ~\ng: 0.5e3\n", "x");
  REQUIRE(docs);
  const auto& v = docs->at(0).value;
  CHECK(v["a"].is_string());
  CHECK(v["b"].is_number_integer());
  CHECK(v["c"].is_string());
  CHECK(v["d"].is_number_float());
  CHECK(v["e"].is_boolean());
  CHECK(v["f"].is_null());
  const auto again = parse_yaml(to_yaml(v), "y");
  REQUIRE(again);
  CHECK_EQ(again->at(0).value, v);
}

#include "runtime/budget.hpp"
#include "runtime/event_log.hpp"
#include "runtime/json.hpp"
#include "runtime/messages.hpp"
#include "runtime/random.hpp"
#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <doctest/doctest.h>

using namespace remed;

TEST_CASE("a result holds a value or a reason with the place in front") {
  result<int> good = 4;
  CHECK(good);
  CHECK_EQ(*good, 4);
  result<int> bad = failure{errc::bad_input, "no number"};
  CHECK_FALSE(bad);
  CHECK_EQ(std::move(bad).in("a.yaml:3").why().what, "a.yaml:3: no number");
  result<void> nothing;
  CHECK(nothing);
}

TEST_CASE("times print as Kubernetes prints them") {
  CHECK_EQ(rfc3339(stepped_epoch), "2026-01-01T00:00:00Z");
  CHECK_EQ(rfc3339_micro(stepped_epoch + duration{1'500'007}), "2026-01-01T00:00:01.500007Z");
  CHECK_EQ(rfc3339(vtime{std::chrono::seconds{1709251199}}), "2024-02-29T23:59:59Z");
  CHECK_EQ(rfc3339(vtime{std::chrono::seconds{-1}}), "1969-12-31T23:59:59Z");
  CHECK_EQ(rfc3339(vtime{std::chrono::seconds{253402300800}}), "10000-01-01T00:00:00Z");
}

TEST_CASE("a split source does not depend on what others draw") {
  random_source a{7};
  const auto before = a.split("x").next();
  auto b = a;
  b.next();
  CHECK_EQ(a.split("x").next(), before);
  CHECK_NE(a.split("x").next(), a.split("y").next());
  CHECK_EQ(random_source{1}.uuid().size(), 36);
}

TEST_CASE("every message survives the way to JSON and back") {
  verdict v;
  v.at = {"e-1", 3};
  v.recovered = true;
  v.status = outcome_kind::masked;
  v.grounds.push_back({"slo", true, "p95 4 ms"});
  v.flags = {"removed_limits"};
  const auto text = dump(json(v));
  const auto back = read_json<verdict>(text);
  REQUIRE(back);
  CHECK_EQ(dump(json(*back)), text);
  CHECK_EQ(back->status, outcome_kind::masked);
}

TEST_CASE("an unknown word for an enumeration is an error, not a default") {
  const auto back = read_json<verdict>(R"({"status": "splendid"})");
  REQUIRE_FALSE(back);
  CHECK_NE(back.why().what.find("splendid"), std::string::npos);
}

TEST_CASE("limits forbid before they are exceeded, and an unknown price makes the sum unknown") {
  limits most;
  most.model_calls = 2;
  most.probes_per_trial = 1;
  budget b{most};
  CHECK(b.take_probe());
  CHECK_FALSE(b.take_probe());
  b.begin_trial();
  CHECK(b.take_probe());
  b.took_model({10, 5, 0, 0}, 0.5);
  CHECK_FALSE(b.model_forbidden());
  b.took_model({10, 5, 0, 0}, -1);
  CHECK_EQ(b.model_forbidden().value(), "model_calls");
  CHECK_LT(b.spent().cost_usd, 0);
  CHECK_EQ(b.spent().tokens.input, 20);
}

TEST_CASE("the money limit holds although one price is unknown") {
  limits most;
  most.cost_usd = 1;
  budget b{most};
  b.took_model({}, -1);
  b.took_model({}, 1.5);
  CHECK_EQ(b.model_forbidden().value(), "cost");
}

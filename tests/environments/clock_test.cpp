#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using remed::env::test::api_world;

TEST_CASE("an administrator reads a cluster's clock and lets time pass") {
  api_world w;
  auto start = w.c->now();
  auto read = w.get("/remed/clock");
  CHECK(read.status == 200);
  CHECK(read.body["now"] == rfc3339_micro(start));
  auto moved = w.post("/remed/clock", {{"advanceSeconds", 90.5}});
  CHECK(moved.status == 200);
  CHECK(w.c->now() == start + std::chrono::milliseconds{90'500});
  CHECK(moved.body["now"] == rfc3339_micro(w.c->now()));
}

TEST_CASE("what is no step of time leaves the clock alone") {
  api_world w;
  auto start = w.c->now();
  for (const json& step : {json(-1), json("10s"), json(1e12), json()}) {
    CHECK(w.post("/remed/clock", {{"advanceSeconds", step}}).status == 400);
  }
  CHECK(w.send(w.admin, "POST", "/remed/clock", "[").status == 400);
  CHECK(w.remove("/remed/clock").status == 405);
  CHECK(w.c->now() == start);
}

TEST_CASE("the clock is nobody's but the administrator's") {
  api_world w;
  identity agent{"t", "system:serviceaccount:sem:agent", {}};
  CHECK(w.send(agent, "GET", "/remed/clock").status == 404);
  CHECK(w.send(agent, "POST", "/remed/clock", R"({"advanceSeconds": 5})").status == 404);
}

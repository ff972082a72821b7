#include "experiments/pace.hpp"

#include <doctest/doctest.h>

using namespace remed::experiments;
using namespace std::chrono_literals;

namespace {

/// A crowd that began long ago: `n` worlds, 10 ms each until they first waited.
struct crowd {
  explicit crowd(std::size_t n) : in_flight(n) {
    for (std::size_t i = 0; i < n; ++i) {
      p.began(now);
      p.opened(10ms);
    }
  }
  /// Whether one more may begin so long after the last.
  bool after(pace::clock::duration d, std::size_t left = 100) const {
    return p.next_begin(now + d, left) <= now + d;
  }
  /// One goes and another comes, `later`.
  void replace(pace::clock::duration later, pace::clock::duration last,
               pace::clock::duration whole) {
    now += later;
    p.ended(now, last, whole);
    p.began(now);
  }

  pace p;
  pace::clock::time_point now = pace::clock::now();
  std::size_t in_flight;
};

} // namespace

TEST_CASE("a handful of worlds begins at once") {
  CHECK(crowd(7).after(0ms));
  CHECK_FALSE(crowd(8).after(0ms));
}

TEST_CASE("until one has ended its end is guessed from the beginnings") {
  const crowd c(100);
  CHECK_FALSE(c.after(30ms));
  CHECK(c.after(40ms));
}

TEST_CASE("worlds begin no faster than they can be ended") {
  crowd c(100);
  c.replace(1s, 60ms, 100ms);
  CHECK_FALSE(c.after(70ms));
  CHECK(c.after(90ms)); // its beginning and another's end
}

TEST_CASE("answers to come leave less for beginnings") {
  crowd c(100);
  c.replace(10s, 60ms, 400ms);
  for (int i = 0; i < 1000; ++i) c.p.answered(2ms); // of 1000 s in flight: 0.2 % for each
  CHECK_FALSE(c.after(105ms, 0));                   // 70 ms of the 62 % that are left
  CHECK(c.after(120ms, 0));
  CHECK_FALSE(c.after(135ms, 100)); // the ends have 42 % when all are there
  CHECK(c.after(150ms, 100));
}

TEST_CASE("what answers took is forgotten when they take less") {
  crowd c(100);
  c.replace(10s, 60ms, 400ms);
  for (int i = 0; i < 1000; ++i) c.p.answered(2ms);
  c.replace(100s, 60ms, 400ms);
  CHECK(c.after(90ms, 100));
}

TEST_CASE("where not all can be served at once, as many begin as end") {
  crowd c(100);
  c.replace(10s, 60ms, 400ms);
  for (int i = 0; i < 1000; ++i) c.p.answered(2ms);
  CHECK_FALSE(c.after(480ms, 1000));
  CHECK(c.after(500ms, 1000));
}

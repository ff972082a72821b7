#include "environments/embedded/event_queue.hpp"

#include "runtime/random.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {
vtime at(int s) {
  return vtime{std::chrono::seconds{s}};
}
} // namespace

TEST_CASE("events are taken by time, then in order of entry, and not before they are due") {
  event_queue q;
  q.push(at(5), {"a", "late"});
  q.push(at(1), {"a", "one"});
  q.push(at(1), {"b", "two"});
  CHECK(*q.next() == at(1));
  CHECK(q.pop_due(at(1))->second.key == "one");
  CHECK(q.pop_due(at(1))->second.key == "two");
  CHECK(!q.pop_due(at(4)));
  CHECK(q.pop_due(at(5))->second.key == "late");
  CHECK(!q.next());
}

TEST_CASE("an event queued for an earlier or equal time is not queued again, a sooner one is") {
  event_queue q;
  q.push(at(5), {"a", "x"});
  q.push(at(6), {"a", "x"});
  q.push(at(5), {"a", "x"});
  CHECK(q.size() == 1);
  q.push(at(2), {"a", "x"});
  CHECK(q.size() == 2);
  q.pop_due(at(2));
  q.pop_due(at(5));
  q.push(at(9), {"a", "x"});
  CHECK(q.size() == 1);
}

TEST_CASE("a queue that goes on from another does what a copy of it would do") {
  random_source chance{11};
  event_queue plain;
  auto both = [&](event_queue& a, event_queue& b, int steps, int start) {
    for (int i = 0; i < steps; ++i) {
      const auto now = start + i / 4;
      if (chance.below(2) == 0) {
        const cluster_event event{"actor", std::to_string(chance.below(40))};
        const auto due = at(now + static_cast<int>(chance.below(30)));
        a.push(due, event);
        b.push(due, event);
      } else {
        const auto x = a.pop_due(at(now)), y = b.pop_due(at(now));
        REQUIRE(x == y);
      }
      REQUIRE(a.next() == b.next());
      REQUIRE(a.size() == b.size());
    }
  };
  for (int i = 0; i < 60; ++i)
    plain.push(at(10 + static_cast<int>(chance.below(50))),
               {"actor", std::to_string(chance.below(40))});
  const auto base = std::make_shared<const event_queue>(plain);
  event_queue first(base);
  both(first, plain, 200, 10);
  event_queue flat = first.flat();
  event_queue second(std::make_shared<const event_queue>(first));
  both(flat, second, 600, 60);
  CHECK(event_queue(base).size() == base->size());
}

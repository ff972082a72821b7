#include "environments/embedded/event_queue.hpp"

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

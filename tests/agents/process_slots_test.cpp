#include "agents/process_slots.hpp"

#include <doctest/doctest.h>

#include <vector>

using remed::agents::process_slots;

TEST_CASE("no more than the given number run at once, and the line moves on in order") {
  process_slots slots(2);
  std::vector<process_slots::ticket> running;
  std::vector<int> started;
  std::vector<std::shared_ptr<void>> places;
  for (int i = 0; i < 4; ++i) {
    places.push_back(slots.acquire([&, i](process_slots::ticket t) {
      started.push_back(i);
      running.push_back(std::move(t));
    }));
  }
  CHECK(started == std::vector<int>{0, 1});
  const auto first = std::move(running.front());
  running.erase(running.begin());
  CHECK(started.size() == 2);
  const_cast<process_slots::ticket&>(first).reset();
  CHECK(started == std::vector<int>{0, 1, 2});
}

TEST_CASE("who leaves the line is never started") {
  process_slots slots(1);
  process_slots::ticket held;
  (void)slots.acquire([&](process_slots::ticket t) { held = std::move(t); });
  bool second = false, third = false;
  auto leaving = slots.acquire([&](process_slots::ticket) { second = true; });
  auto staying = slots.acquire([&](process_slots::ticket) { third = true; });
  leaving.reset();
  held.reset();
  CHECK_FALSE(second);
  CHECK(third);
}

TEST_CASE("a ticket may outlive the slots") {
  process_slots::ticket held;
  {
    process_slots slots(1);
    (void)slots.acquire([&](process_slots::ticket t) { held = std::move(t); });
  }
  held.reset();
}

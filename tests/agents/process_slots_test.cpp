#include "agents/process_slots.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

using remed::agents::process_gate;
using remed::agents::process_slots;

namespace {

/// One thread's slots, with what was posted to it.
struct thread_of_worlds {
  explicit thread_of_worlds(std::shared_ptr<process_gate> gate)
      : slots(std::move(gate), [this](std::function<void()> task) { posted.push_back(task); }) {}

  void turn() {
    for (auto& task : std::exchange(posted, {})) task();
  }

  std::vector<std::function<void()>> posted;
  process_slots slots;
};

std::shared_ptr<process_gate> gate_of(int most) {
  return std::make_shared<process_gate>(most);
}

} // namespace

TEST_CASE("no more than the given number run at once, and the line moves on in order") {
  thread_of_worlds mine(gate_of(2));
  std::vector<process_slots::ticket> running;
  std::vector<int> started;
  std::vector<std::shared_ptr<void>> places;
  for (int i = 0; i < 4; ++i) {
    places.push_back(mine.slots.acquire([&, i](process_slots::ticket t) {
      started.push_back(i);
      running.push_back(std::move(t));
    }));
  }
  CHECK(started == std::vector<int>{0, 1});
  running.erase(running.begin());
  mine.turn();
  CHECK(started == std::vector<int>{0, 1, 2});
}

TEST_CASE("who leaves the line is never started") {
  thread_of_worlds mine(gate_of(1));
  process_slots::ticket held;
  (void)mine.slots.acquire([&](process_slots::ticket t) { held = std::move(t); });
  bool second = false, third = false;
  auto leaving = mine.slots.acquire([&](process_slots::ticket) { second = true; });
  auto staying = mine.slots.acquire([&](process_slots::ticket) { third = true; });
  leaving.reset();
  held.reset();
  mine.turn();
  CHECK_FALSE(second);
  CHECK(third);
}

TEST_CASE("a ticket may outlive the slots") {
  process_slots::ticket held;
  {
    thread_of_worlds mine(gate_of(1));
    (void)mine.slots.acquire([&](process_slots::ticket t) { held = std::move(t); });
  }
  held.reset();
}

TEST_CASE("threads share one gate: who came first is served first, on its own thread") {
  auto gate = gate_of(1);
  thread_of_worlds a(gate), b(gate);
  process_slots::ticket running;
  std::vector<char> started;
  auto start = [&](char name) {
    return [&, name](process_slots::ticket t) {
      started.push_back(name);
      running = std::move(t);
    };
  };
  (void)a.slots.acquire(start('a'));
  auto first = b.slots.acquire(start('b'));
  auto second = a.slots.acquire(start('c'));
  CHECK_EQ(gate->waiting(), 2);
  CHECK_EQ(gate->busy(), 1);
  running.reset();
  a.turn();
  CHECK(started == std::vector<char>{'a'}); // it is b's turn, and b's thread has not looked yet
  b.turn();
  CHECK(started == std::vector<char>{'a', 'b'});
  running.reset();
  a.turn();
  CHECK(started == std::vector<char>{'a', 'b', 'c'});
}

TEST_CASE("a thread that ends while a slot is on its way to it loses none") {
  auto gate = gate_of(1);
  process_slots::ticket running;
  {
    thread_of_worlds ending(gate);
    (void)ending.slots.acquire([&](process_slots::ticket t) { running = std::move(t); });
    auto place = ending.slots.acquire([](process_slots::ticket) { FAIL("nobody looks"); });
    running.reset(); // granted, and never served
  }
  thread_of_worlds other(gate);
  bool started = false;
  (void)other.slots.acquire([&](process_slots::ticket) { started = true; });
  CHECK(started);
  CHECK_EQ(gate->waiting(), 0);
}

TEST_CASE("many threads at one gate never have more slots than there are") {
  auto gate = gate_of(3);
  std::atomic<int> inside{0}, most{0}, served{0};
  auto work = [&] {
    std::mutex lock;
    std::vector<std::function<void()>> posted;
    process_slots slots(gate, [&](std::function<void()> task) {
      std::lock_guard guard(lock);
      posted.push_back(std::move(task));
    });
    std::vector<std::shared_ptr<void>> places;
    std::vector<process_slots::ticket> mine;
    int left = 200;
    for (int i = 0; i < 200; ++i) {
      places.push_back(slots.acquire([&](process_slots::ticket t) {
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        mine.push_back(std::move(t));
      }));
    }
    while (left > 0) {
      std::vector<std::function<void()>> tasks;
      {
        std::lock_guard guard(lock);
        tasks.swap(posted);
      }
      for (auto& task : tasks) task();
      for (auto& t : std::exchange(mine, {})) {
        --inside;
        --left;
        ++served;
        t.reset();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  }
  CHECK_EQ(served, 800);
  CHECK_LE(most, 3);
  CHECK_EQ(gate->busy(), 0);
}

namespace {

/// A gate of one core, up to three children, on a machine that says how idle it is.
struct idle_machine {
  std::optional<double> idle;
  process_gate gate{1, 3, [this] { return idle; }};
  int let_in = 0;
  bool take() {
    return gate.take([this] { return ++let_in > 0; });
  }
};

} // namespace

TEST_CASE("beyond the cores a child is let in when the machine was found idle, one for each core") {
  idle_machine m;
  CHECK(m.take());
  CHECK_FALSE(m.take());
  CHECK_FALSE(m.take());
  m.gate.look(); // too early to tell
  m.idle = 0.2;
  m.gate.look(); // the first is at work
  CHECK_EQ(m.let_in, 0);
  m.idle = 0.9; // it waits
  m.gate.look();
  CHECK_EQ(m.let_in, 1);
  m.gate.look();
  CHECK_EQ(m.let_in, 2);
  CHECK_EQ(m.gate.busy(), 3);
  CHECK_FALSE(m.take());
  m.gate.look(); // never more than the most
  CHECK_EQ(m.let_in, 2);
  m.gate.give_back(); // there is still room
  CHECK_EQ(m.let_in, 3);
  CHECK_FALSE(m.take());
  m.idle = 0;
  m.gate.look();
  m.gate.give_back(); // the others are at work
  CHECK_EQ(m.let_in, 3);
  CHECK_EQ(m.gate.waiting(), 1);
}

TEST_CASE("room that was seen while fewer children than cores ran is not counted on later") {
  idle_machine m;
  CHECK(m.take());
  m.idle = 1;
  m.gate.look(); // room for one more …
  m.gate.give_back();
  m.gate.look(); // … which is forgotten here
  CHECK(m.take());
  CHECK_FALSE(m.take());
}

TEST_CASE("this machine tells how many of its cores are idle") {
  const auto idle = remed::agents::idle_cores_of_this_machine();
  CHECK_FALSE(idle()); // nothing to compare with
  const auto begin = std::chrono::steady_clock::now();
  std::optional<double> seen;
  while (!(seen = idle()) && std::chrono::steady_clock::now() - begin < std::chrono::seconds{5}) {
  }
  REQUIRE(seen);
  CHECK(*seen >= 0);
  // The kernel's hundredths may put a little more than there is into one interval.
  CHECK(*seen <= 2.0 * std::thread::hardware_concurrency());
}

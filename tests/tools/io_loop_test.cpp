#include "tools/io_loop.hpp"

#include "tests/tools/pump.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace std::chrono_literals;
using remed::test::pump;
using remed::tools::io_loop;

TEST_CASE("poll runs what is ready and says whether anything ran") {
  io_loop loop;
  CHECK_FALSE(loop.poll());
  int ran = 0;
  loop.post([&] { ++ran; });
  CHECK(loop.poll());
  CHECK(ran == 1);
  CHECK_FALSE(loop.poll());
}

TEST_CASE("a task that posts itself does not keep poll from returning") {
  io_loop loop;
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    loop.post(again);
  };
  loop.post(again);
  CHECK(loop.poll());
  CHECK(ran > 0);
}

TEST_CASE("run_for waits for the limit when nothing happens") {
  io_loop loop;
  const auto before = std::chrono::steady_clock::now();
  CHECK_FALSE(loop.run_for(20ms));
  CHECK(std::chrono::steady_clock::now() - before >= 20ms);
}

TEST_CASE("a post from another thread wakes run_for") {
  io_loop loop;
  const auto before = std::chrono::steady_clock::now();
  std::thread::id ran_on;
  std::thread other([&] { loop.post([&] { ran_on = std::this_thread::get_id(); }); });
  CHECK(loop.run_for(10s));
  other.join();
  CHECK(ran_on == std::this_thread::get_id());
  CHECK(std::chrono::steady_clock::now() - before < 9s);
}

TEST_CASE("after runs its task once the delay is over") {
  io_loop loop;
  const auto before = std::chrono::steady_clock::now();
  bool ran = false;
  auto handle = loop.after(30ms, [&] { ran = true; });
  CHECK(pump(loop, [&] { return ran; }));
  CHECK(std::chrono::steady_clock::now() - before >= 30ms);
}

TEST_CASE("a dropped timer does not run, not even when it was already due") {
  io_loop loop;
  bool ran = false;
  auto handle = loop.after(0ms, [&] { ran = true; });
  auto first = loop.after(0ms, [&] { handle.reset(); });
  handle = loop.after(0ms, [&] { ran = true; }); // due after `first`
  loop.run_for(20ms);
  loop.run_for(20ms);
  CHECK_FALSE(ran);
}

TEST_CASE("a timer's handle may outlive the loop") {
  std::shared_ptr<void> handle;
  {
    io_loop loop;
    handle = loop.after(10s, [] {});
  }
  handle.reset();
  CHECK_FALSE(handle);
}

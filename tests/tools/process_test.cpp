#include "tools/process.hpp"

#include "tests/tools/pump.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

using namespace remed;
using namespace remed::tools;
using namespace std::chrono_literals;
using remed::test::pump;

namespace {

command shell(const std::string& script) {
  command cmd;
  cmd.argv = {"sh", "-c", script};
  cmd.env = {{"PATH", "/usr/bin:/bin"}};
  return cmd;
}

struct run_state {
  std::optional<result<process_result>> end;
  std::shared_ptr<process> handle;
};

std::shared_ptr<run_state> launch(io_loop& loop, command cmd, process_callbacks callbacks = {}) {
  auto state = std::make_shared<run_state>();
  callbacks.done = [weak = std::weak_ptr(state)](result<process_result> r) {
    if (auto s = weak.lock()) s->end.emplace(std::move(r));
  };
  state->handle = start_process(loop, std::move(cmd), std::move(callbacks));
  return state;
}

process_result run(io_loop& loop, command cmd, process_callbacks callbacks = {}) {
  auto state = launch(loop, std::move(cmd), std::move(callbacks));
  REQUIRE(pump(loop, [&] { return state->end.has_value(); }));
  REQUIRE_MESSAGE(state->end->ok(), (state->end->ok() ? "" : state->end->why().what));
  return **state->end;
}

bool is_alive(pid_t pid) {
  return ::kill(pid, 0) == 0;
}

/// The state letter in /proc, or 0 when the process is gone. A zombie is as good as gone.
bool is_running(pid_t pid) {
  if (!is_alive(pid)) return false;
  char path[64], line[256] = {};
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  auto n = ::read(fd, line, sizeof line - 1);
  ::close(fd);
  auto* end = n > 0 ? std::strrchr(line, ')') : nullptr;
  return end && end[2] != 'Z' && end[2] != 'X';
}

} // namespace

TEST_CASE("a child's output, error output and exit code come back") {
  io_loop loop;
  auto r = run(loop, shell("echo out; echo err >&2; exit 3"));
  CHECK(r.exit_code == 3);
  CHECK(r.out == "out\n");
  CHECK(r.err == "err\n");
  CHECK_FALSE(r.timed_out);
  CHECK_FALSE(r.truncated);
  CHECK(r.wall.count() > 0);
}

TEST_CASE("death by signal is 128 + signal") {
  io_loop loop;
  CHECK(run(loop, shell("kill -TERM $$")).exit_code == 128 + SIGTERM);
}

TEST_CASE("the environment is exactly the given one") {
  io_loop loop;
  auto cmd = shell("");
  cmd.argv = {"env"};
  cmd.env = {{"PATH", "/usr/bin:/bin"}, {"ONLY", "this"}};
  CHECK(run(loop, cmd).out == "ONLY=this\nPATH=/usr/bin:/bin\n");
}

TEST_CASE("a missing program is a failure that names it") {
  io_loop loop;
  auto cmd = shell("");
  cmd.argv = {"no-such-program-here"};
  auto state = launch(loop, cmd);
  CHECK_FALSE(state->end.has_value()); // never called from inside start_process
  REQUIRE(pump(loop, [&] { return state->end.has_value(); }));
  REQUIRE_FALSE(state->end->ok());
  CHECK(state->end->why().code == errc::failed);
  CHECK(state->end->why().what.find("no-such-program-here") != std::string::npos);
}

TEST_CASE("a missing working folder is named in the failure") {
  io_loop loop;
  auto cmd = shell("pwd");
  cmd.cwd = "/no/such/folder";
  auto state = launch(loop, cmd);
  REQUIRE(pump(loop, [&] { return state->end.has_value(); }));
  REQUIRE_FALSE(state->end->ok());
  CHECK(state->end->why().what.find("/no/such/folder") != std::string::npos);
}

TEST_CASE("the working folder is used") {
  io_loop loop;
  auto cmd = shell("pwd");
  cmd.cwd = "/usr";
  CHECK(run(loop, cmd).out == "/usr\n");
}

TEST_CASE("standard input is passed and then closed; without any it is /dev/null") {
  io_loop loop;
  auto cmd = shell("cat");
  cmd.input = std::string(300'000, 'x') + "end";
  auto r = run(loop, cmd);
  CHECK(r.out.size() == 300'003);
  CHECK(r.out.substr(r.out.size() - 3) == "end");
  CHECK(run(loop, shell("cat; readlink /proc/self/fd/0")).out == "/dev/null\n");
}

TEST_CASE("a child that does not read its input does not harm its parent") {
  io_loop loop;
  auto cmd = shell("exec 0<&-; echo fine");
  cmd.input = std::string(1'000'000, 'x');
  auto r = run(loop, cmd);
  CHECK(r.exit_code == 0);
  CHECK(r.out == "fine\n");
}

TEST_CASE("at the deadline the whole group is killed") {
  io_loop loop;
  auto cmd = shell("sleep 100 & echo $!; sleep 100");
  cmd.time_limit = 150ms;
  const auto before = std::chrono::steady_clock::now();
  auto r = run(loop, cmd);
  CHECK(r.timed_out);
  CHECK(r.exit_code == 128 + SIGKILL);
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  auto grandchild = static_cast<pid_t>(std::stol(r.out));
  CHECK(pump(
      loop, [&] { return !is_running(grandchild); }, 2s));
}

TEST_CASE("a grandchild that holds the pipe delays the end only shortly and is killed") {
  io_loop loop;
  const auto before = std::chrono::steady_clock::now();
  auto r = run(loop, shell("sleep 100 & echo $!"));
  CHECK(r.exit_code == 0);
  CHECK_FALSE(r.timed_out);
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  auto grandchild = static_cast<pid_t>(std::stol(r.out));
  CHECK(pump(
      loop, [&] { return !is_running(grandchild); }, 2s));
}

TEST_CASE("dropping the handle kills the group, leaves no zombie and calls nothing") {
  io_loop loop;
  pid_t pid = 0;
  bool called = false;
  process_callbacks callbacks;
  callbacks.on_out = [&](std::string_view text) {
    pid = static_cast<pid_t>(std::stol(std::string(text)));
  };
  callbacks.done = [&](result<process_result>) { called = true; };
  auto handle = start_process(loop, shell("echo $$; exec sleep 100"), callbacks);
  REQUIRE(pump(loop, [&] { return pid > 0; }));
  handle.reset();
  CHECK(pump(
      loop, [&] { return !is_alive(pid); }, 5s)); // false also for a zombie not reaped
  CHECK_FALSE(called);
}

TEST_CASE("a handle may be dropped from inside the output callback") {
  io_loop loop;
  std::shared_ptr<process> handle;
  bool called = false, done = false;
  process_callbacks callbacks;
  callbacks.on_out = [&](std::string_view) {
    called = true;
    handle.reset();
  };
  callbacks.done = [&](result<process_result>) { done = true; };
  handle = start_process(loop, shell("echo x; sleep 100"), callbacks);
  CHECK(pump(loop, [&] { return called; }));
  loop.run_for(20ms);
  CHECK_FALSE(done);
}

TEST_CASE("a child that is still running when the loop ends is killed and reaped") {
  pid_t pid = 0;
  std::shared_ptr<process> handle;
  {
    io_loop loop;
    process_callbacks callbacks;
    callbacks.on_out = [&](std::string_view text) {
      pid = static_cast<pid_t>(std::stol(std::string(text)));
    };
    handle = start_process(loop, shell("echo $$; exec sleep 100"), callbacks);
    REQUIRE(pump(loop, [&] { return pid > 0; }));
  }
  CHECK_FALSE(is_alive(pid));
  handle.reset();
}

TEST_CASE("output beyond the limit keeps head and tail and says so") {
  io_loop loop;
  auto cmd =
      shell("echo first; i=0; while [ $i -lt 3000 ]; do echo line$i; i=$((i+1)); done; echo last");
  cmd.output_limit = 1000;
  auto r = run(loop, cmd);
  CHECK(r.truncated);
  CHECK(r.out.substr(0, 6) == "first\n");
  CHECK(r.out.substr(r.out.size() - 5) == "last\n");
  CHECK(r.out.find("bytes left out") != std::string::npos);
  CHECK(r.out.size() < 1100);
}

TEST_CASE("the cut through long output never splits a UTF-8 character") {
  io_loop loop;
  auto cmd = shell("i=0; while [ $i -lt 200 ]; do printf 'äöü€𝄞'; i=$((i+1)); done");
  for (std::size_t limit : {100u, 101u, 102u, 103u, 104u, 105u, 106u}) {
    cmd.output_limit = limit;
    auto r = run(loop, cmd);
    auto marker = r.out.find("\n... ");
    REQUIRE(marker != std::string::npos);
    auto after = r.out.find("...\n", marker + 5) + 4;
    CHECK((static_cast<unsigned char>(r.out[after]) & 0xc0) != 0x80);
    // The head ends with one of the whole characters.
    auto head = r.out.substr(0, marker);
    bool whole = false;
    for (const char* c : {"ä", "ö", "ü", "€", "𝄞"})
      whole = whole || (head.size() >= std::strlen(c) &&
                        head.compare(head.size() - std::strlen(c), std::string::npos, c) == 0);
    CHECK(whole);
  }
}

TEST_CASE("a child inherits only the descriptors it is given, under the numbers asked for") {
  io_loop loop;
  int leaky = ::open("/dev/null", O_RDONLY); // deliberately without O_CLOEXEC
  int a[2], b[2];
  REQUIRE(::pipe2(a, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(b, O_CLOEXEC) == 0);
  // Looked at one by one: a listing or a pipeline would show descriptors of its own.
  auto cmd = shell(
      "echo one >&3; echo two >&5; n=0; while [ $n -lt 64 ]; do "
      "[ -e /proc/$$/fd/$n ] && printf '%d ' $n; n=$((n+1)); done");
  // Crossed on purpose: one's target may be the other's source.
  cmd.pass_fds = {{a[1], 3}, {b[1], 5}};
  auto r = run(loop, cmd);
  ::close(leaky);
  CHECK(r.out == "0 1 2 3 5 ");
  char text[8] = {};
  CHECK(::read(a[0], text, sizeof text) == 4);
  CHECK(std::string(text, 4) == "one\n");
  CHECK(::read(b[0], text, sizeof text) == 4);
  CHECK(std::string(text, 4) == "two\n");
  for (int fd : {a[0], a[1], b[0], b[1]}) ::close(fd);
}

TEST_CASE("a descriptor to hand down that is not open is a failure") {
  io_loop loop;
  auto cmd = shell("true");
  cmd.pass_fds = {{9999, 3}};
  auto state = launch(loop, cmd);
  REQUIRE(pump(loop, [&] { return state->end.has_value(); }));
  REQUIRE_FALSE(state->end->ok());
  CHECK(state->end->why().what.find("9999") != std::string::npos);
}

TEST_CASE("an interactive child is talked to and ended by closing its input") {
  io_loop loop;
  std::string heard;
  process_callbacks callbacks;
  callbacks.interactive = true;
  callbacks.on_out = [&](std::string_view text) { heard += text; };
  auto state =
      launch(loop, shell("while read line; do echo \"got $line\"; done; echo bye"), callbacks);
  state->handle->write("one\n");
  REQUIRE(pump(loop, [&] { return heard == "got one\n"; }));
  state->handle->write("two\n");
  REQUIRE(pump(loop, [&] { return heard == "got one\ngot two\n"; }));
  state->handle->close_input();
  REQUIRE(pump(loop, [&] { return state->end.has_value(); }));
  CHECK(heard == "got one\ngot two\nbye\n");
  CHECK((*state->end)->out.empty()); // handed out as it came, not collected
}

TEST_CASE("killing a child reports its end") {
  io_loop loop;
  auto state = launch(loop, shell("sleep 100"));
  state->handle->kill();
  REQUIRE(pump(loop, [&] { return state->end.has_value(); }));
  CHECK((*state->end)->exit_code == 128 + SIGKILL);
  CHECK_FALSE((*state->end)->timed_out);
}

TEST_CASE("used CPU time is counted, also that of awaited grandchildren") {
  io_loop loop;
  auto r = run(loop, shell("sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done'; true"));
  CHECK(r.cpu > 5ms);
}

TEST_CASE("sixty children at once do not wait for each other") {
  io_loop loop;
  std::vector<std::shared_ptr<run_state>> all;
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < 60; ++i)
    all.push_back(launch(loop, shell("sleep 0.2; echo " + std::to_string(i))));
  for (int i = 0; i < 60; ++i) {
    auto& one = all[static_cast<std::size_t>(i)];
    REQUIRE(pump(loop, [&] { return one->end.has_value(); }));
    CHECK((*one->end)->out == std::to_string(i) + "\n");
  }
  CHECK(std::chrono::steady_clock::now() - before < 6s);
}

TEST_CASE("no descriptor of the parent is leaked by finished children") {
  io_loop loop;
  auto count = [] {
    auto all = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  run(loop, shell("true"));
  const auto before = count();
  for (int i = 0; i < 5; ++i) run(loop, shell("echo x"));
  CHECK(count() == before);
}

// Commands in sandboxes, for tests: started, waited for, looked at.
#pragma once

#include "tools/sandbox.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

namespace remed::tools::testing {

struct outcome {
  std::optional<result<process_result>> ended;
  int listener = -1;

  const process_result& get() const {
    REQUIRE(ended);
    INFO((ended->ok() ? std::string() : ended->why().what));
    REQUIRE(ended->ok());
    return **ended;
  }
};

inline command sh(const std::string& script) {
  command cmd;
  cmd.argv = {"/bin/sh", "-c", script};
  cmd.time_limit = std::chrono::seconds{20};
  return cmd;
}

inline outcome run(io_loop& loop, command cmd, const sandbox_spec& spec = {}) {
  outcome o;
  process_callbacks callbacks;
  callbacks.done = [&](result<process_result> r) { o.ended = std::move(r); };
  auto handle = start_sandboxed(
      loop, spec, std::move(cmd), [&](int fd) { o.listener = fd; }, std::move(callbacks));
  while (!o.ended) loop.run_for(std::chrono::milliseconds{200});
  if (o.listener >= 0) ::close(o.listener);
  return o;
}

inline process_result inside(const std::string& script, const sandbox_spec& spec = {}) {
  io_loop loop;
  return run(loop, sh(script), spec).get();
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Python inside, for what a shell cannot say. A small heap keeps the forks cheap.
inline process_result python(const std::string& program, const sandbox_spec& spec = {}) {
  io_loop loop;
  command cmd;
  cmd.argv = {"/usr/bin/python3", "-c", program};
  cmd.time_limit = std::chrono::seconds{20};
  return run(loop, cmd, spec).get();
}

/// One that goes on while the test does something else.
struct under_way {
  std::string out;
  bool ended = false;
  std::shared_ptr<process> handle;
};

inline std::unique_ptr<under_way> start(io_loop& loop, command cmd) {
  auto made = std::make_unique<under_way>();
  process_callbacks callbacks;
  callbacks.on_out = [to = made.get()](std::string_view text) { to->out += text; };
  callbacks.done = [to = made.get()](result<process_result>) { to->ended = true; };
  made->handle = start_sandboxed(
      loop, {}, std::move(cmd), [](int fd) { ::close(fd); }, std::move(callbacks));
  return made;
}

} // namespace remed::tools::testing

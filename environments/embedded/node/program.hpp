// What the command of a container does, told from its words: how long it runs, whether it heeds
// SIGTERM, which processes it consists of.
#pragma once

#include "environments/embedded/node/images.hpp"
#include "environments/embedded/node/state.hpp"
#include "runtime/json_value.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

struct program {
  std::vector<std::string> argv;
  std::string missing;                ///< the executable the image does not have; empty: none
  bool handles_term = true;           ///< ends on SIGTERM; as PID 1, what sets no handler does not
  std::optional<duration> ends_after; ///< none: runs for ever
  int exit_code = 0;
  bool serves = false;      ///< runs for ever and is no shell, sleep or tail: a server
  int port = 0;             ///< where a server listens unless its container says otherwise
  bool interactive = false; ///< a shell with standard input and nothing to do but to read it
  std::vector<process_info> processes; ///< PID 1 first
};

/// `container` is a container of a pod spec; `image` what it runs.
program read_program(const json& container, const image_facts& image);

/// A line that a container's script prints, and when after its start.
struct spoken_line {
  duration after{};
  std::string text;
  bool is_error = false;
};
/// What the script's own `echo`s say, up to its first loop or program that does not end; `known` is
/// its environment. Lines that need a shell to be understood are left out.
std::vector<spoken_line> lines_spoken(
    const json& container, const std::vector<std::pair<std::string, std::string>>& known);

/// The first service a script of wget, curl or nc asks; none: it asks nobody.
std::optional<awaited_service> awaited_by(const json& container);

/// Seconds of a `sleep` argument: "3600", "1h", "0.5"; none: "infinity" or not a number.
std::optional<double> sleep_seconds(const std::string& text);

} // namespace remed::env

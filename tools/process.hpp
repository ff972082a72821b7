// Runs a child process on the loop: exact argv and environment, time limit, output cap, own process
// group; the whole group is killed at the deadline or when the handle is dropped.
#pragma once

#include "runtime/result.hpp"
#include "tools/io_loop.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::tools {

struct command {
  std::vector<std::string> argv;          ///< argv[0] is looked up in PATH of `env`, or absolute
  std::map<std::string, std::string> env; ///< the child's whole environment
  std::string cwd;                        ///< empty: the parent's
  std::string input;                      ///< standard input; closed after it (empty: /dev/null)
  std::chrono::milliseconds time_limit{60'000};
  std::size_t output_limit = 1024 * 1024;    ///< per stream; head and tail are kept beyond it
  std::size_t flood_limit = 64u << 20;       ///< of both streams; who writes more is killed
  std::vector<std::pair<int, int>> pass_fds; ///< {parent's, child's} descriptors to hand down
  /// A pseudo-terminal of 80 × 24 instead of pipes; what is written to it all comes by `on_out`.
  bool tty = false;
};

struct process_result {
  int exit_code = -1; ///< 128 + signal when killed by one
  bool timed_out = false;
  bool truncated = false;
  /// The limit it was killed for, with the figures: "memory: …", "cpu: …", "processes: …" or
  /// "output: …"; empty: none.
  std::string limit;
  std::string out;
  std::string err;
  std::chrono::microseconds wall{0};
  std::chrono::microseconds cpu{0}; ///< user + system of the child and what it waited for
};

/// A running child. Dropping it kills the process group and suppresses the callback. What is left
/// of the group when the child itself has ended is killed as well.
class process {
public:
  virtual ~process() = default;
  virtual void kill() = 0;
  /// Writes to the child's standard input; only when the command asked for `interactive`.
  virtual void write(std::string data) = 0;
  virtual void close_input() = 0;
  /// What `write` was given and the child has not taken yet, in bytes.
  virtual std::size_t unwritten() const { return 0; }
  /// Leaves the child's output where it is until called with false: the child has to wait.
  virtual void hold_output(bool /*on*/) {}
  /// Of the child's terminal, if it has one.
  virtual void resize(int /*columns*/, int /*rows*/) {}
};

struct process_callbacks {
  std::function<void(result<process_result>)> done;
  /// Optional: output as it comes. When set, it is not collected in the result.
  std::function<void(std::string_view)> on_out, on_err;
  std::function<void()> on_written; ///< optional: the child has taken all it was given
  bool interactive = false;         ///< keep standard input open for `write`
};

/// Starts the child. Failure to start reaches `done` as errc::failed with the program's name.
std::shared_ptr<process> start_process(io_loop& loop, command cmd, process_callbacks callbacks);

} // namespace remed::tools

// The subcommands of `remed`: one function and one file each. Each adds itself to the command line
// and sets the exit code when it ran.
#pragma once

#include <atomic>

namespace CLI {
class App;
}

namespace remed::experiments {

/// reference: pytest's and the field's habit. Data on standard output, talk on standard error.
enum exit_code {
  exit_done = 0,          ///< for `bench` any outcome is data
  exit_not_recovered = 1, ///< `run` not recovered, `doctor` found a fault
  exit_usage = 2,
  exit_infrastructure = 3,
  exit_divergence = 4,
  exit_nothing = 5, ///< empty selection
  exit_interrupted = 130,
};

struct command_context {
  int exit = exit_done;
  const std::atomic<bool>& stop; ///< becomes true on SIGINT or SIGTERM
};

void add_run(CLI::App& app, command_context& context);
void add_bench(CLI::App& app, command_context& context);
void add_report(CLI::App& app, command_context& context);
void add_board(CLI::App& app, command_context& context);
void add_prove(CLI::App& app, command_context& context);
void add_ls(CLI::App& app, command_context& context);
void add_trace(CLI::App& app, command_context& context);
void add_cluster(CLI::App& app, command_context& context);
void add_doctor(CLI::App& app, command_context& context);
void add_version(CLI::App& app, command_context& context);

} // namespace remed::experiments

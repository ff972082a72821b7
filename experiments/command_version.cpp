#include "experiments/commands.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace remed::experiments {

void add_version(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("version", "The version of this program");
  command->callback([&context] {
    std::cout << "remed " REMED_VERSION "\n";
    context.exit = exit_done;
  });
}

} // namespace remed::experiments

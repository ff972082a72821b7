// The flags `run` and `bench` share.
#pragma once

#include "experiments/settings.hpp"
#include "runtime/result.hpp"

#include <string>

namespace CLI {
class App;
}

namespace remed::experiments {

struct flags {
  std::string tools = "real", sandbox = "on", ansible = "host", visibility = "hidden";
  std::string output = "text";
  std::string out;
  double time_scale = 10;
  unsigned t_max = 0;
  unsigned tool_memory_mib = 1024, tool_processes = 256, tool_cpu_s = 600;
  bool early_checks = true;
  bool quiet = false;

  void add_to(CLI::App& command);
  settings to_settings() const;
  bool as_json() const { return output == "json"; }
};

/// The folder of a user's manifests as the name of a system: absolute, so that it is a folder's
/// name whatever it is called.
std::string system_of_manifests(const std::string& folder);

/// Prints "remed: what" on standard error.
void complain(const failure& why);
/// The exit code for a failure: the user's input, or the infrastructure.
int exit_for(const failure& why);

} // namespace remed::experiments

// How experiments are run, whatever they are: the flags shared by `run` and `bench`.
#pragma once

#include "environments/embedded/embedded_environment.hpp"
#include "runtime/budget.hpp"
#include "tools/ansible.hpp"
#include "tools/sandbox.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace remed::experiments {

enum class tool_kind {
  real,      ///< stock kubectl and ansible-playbook as child processes
  inprocess, ///< no child process, stepped time: the log repeats byte for byte
};

struct settings {
  tool_kind tools = tool_kind::real;
  tools::sandbox_spec::mode sandbox = tools::sandbox_spec::mode::sandboxed;
  tools::ansible_backend ansible = tools::ansible_backend::host_process;
  env::visibility sight = env::visibility::hidden;
  double time_scale = 10;             ///< virtual seconds per wall second of a running tool
  std::optional<std::uint32_t> t_max; ///< instead of the method's
  std::filesystem::path out;          ///< where event logs and results go; empty: nowhere
  unsigned parallel = 4;              ///< experiments at once
  unsigned threads = 2;               ///< threads that own worlds
  unsigned processes = 2;             ///< child processes at once per thread
};

} // namespace remed::experiments

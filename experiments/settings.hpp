// How experiments are run, whatever they are: the flags shared by `run` and `bench`.
#pragma once

#include "agents/sandboxed_doors.hpp"
#include "environments/embedded/embedded_environment.hpp"
#include "runtime/budget.hpp"
#include "tools/ansible.hpp"
#include "tools/model.hpp"
#include "tools/sandbox.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace remed::experiments {

struct bench_gauges; // experiments/bench_gauges.hpp

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
  agents::tool_limits most;           ///< of the tools of one experiment
  bool early_checks = true;           ///< refuse broken playbooks before a trial is spent on them
  std::optional<std::uint32_t> t_max; ///< instead of the method's
  std::filesystem::path out;          ///< where event logs and results go; empty: nowhere
  unsigned parallel = 4;              ///< experiments at once
  unsigned threads = 2;               ///< threads that own worlds
  unsigned processes = 2;             ///< child processes at once per thread
  bench_gauges* gauges = nullptr;     ///< where a bench shows itself; may be none
  /// Put around each model, to watch it; may be empty.
  std::function<std::unique_ptr<tools::model>(std::unique_ptr<tools::model>)> around_model;
};

} // namespace remed::experiments

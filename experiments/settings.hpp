// How experiments are run, whatever they are: the flags shared by `run` and `bench`.
#pragma once

#include "agents/sandboxed_doors.hpp"
#include "environments/embedded/embedded_environment.hpp"
#include "runtime/budget.hpp"
#include "runtime/fields.hpp"
#include "runtime/purse.hpp"
#include "tools/ansible.hpp"
#include "tools/model.hpp"
#include "tools/sandbox.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace remed::experiments {

struct bench_gauges; // experiments/bench_gauges.hpp

enum class tool_kind {
  real,      ///< stock kubectl and ansible-playbook as child processes
  inprocess, ///< no child process, stepped time: the log repeats byte for byte
};

/// Which verdict decides. The other one is made too and recorded beside it.
enum class verdict_kind {
  sound,      ///< DESIGN §5
  microremed, ///< MicroRemed's own checks, for comparison with published figures
};
NAMES(verdict_kind, "sound", "microremed")

/// Cores of this machine, at least 1.
inline unsigned cores() {
  return std::max(1u, std::thread::hardware_concurrency());
}
/// Experiments and their children wait more than they compute: how many one core can serve.
inline constexpr unsigned served_by_core = 8;

struct settings {
  tool_kind tools = tool_kind::real;
  tools::sandbox_spec::mode sandbox = tools::sandbox_spec::mode::sandboxed;
  tools::ansible_backend ansible = tools::ansible_backend::host_process;
  env::visibility sight = env::visibility::hidden;
  double time_scale = 10;             ///< virtual seconds per wall second of a running tool
  agents::tool_limits most;           ///< of the tools of one experiment
  bool early_checks = true;           ///< refuse broken playbooks before a trial is spent on them
  std::optional<std::uint32_t> t_max; ///< instead of the method's
  std::string name_space;             ///< where the system is deployed; empty: its own
  double wait_interval_s = 0;         ///< between checks, virtual; 0: as usual
  double injection_timeout_s = 0;     ///< for a symptom to show, virtual; 0: as usual
  verdict_kind verdict = verdict_kind::sound;
  std::filesystem::path out;                    ///< where event logs and results go; empty: nowhere
  unsigned parallel = served_by_core * cores(); ///< experiments at once
  unsigned threads = 2;                         ///< threads that own worlds
  /// Child processes at once. 0: one per core, and as long as cores are idle, because those wait
  /// for their clusters, up to served_by_core for each.
  unsigned processes = 0;
  std::shared_ptr<purse> money;   ///< what models may cost in all; none: no cap
  bench_gauges* gauges = nullptr; ///< where a bench shows itself; may be none
  /// Put around each model, to watch it; may be empty.
  std::function<std::unique_ptr<tools::model>(std::unique_ptr<tools::model>)> around_model;
};

} // namespace remed::experiments

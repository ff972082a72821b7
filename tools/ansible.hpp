// Runs one playbook with the real Ansible inside the sandbox: through the pre-forked host process
// (fast) or the plain command. Both give the same output and exit code.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/result.hpp"
#include "tools/sandbox.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace remed::tools {

/// One task on one host, as the callback plugin saw it.
struct task_event {
  std::string
      kind; ///< ok, changed, failed, skipped, unreachable, ignored, no_hosts_matched, stats …
  std::string play, task, host;
  std::string message; ///< msg / stderr of a failed task, else empty
  json result;         ///< the task's result as Ansible has it (no_log honoured)
  double ms = 0;
};

struct playbook_run {
  std::string yaml;      ///< the playbook as the model wrote it
  std::string inventory; ///< INI text
  std::map<std::string, std::string> extra_vars;
  std::string kubeconfig;  ///< content; bound at all places playbooks look for it
  bool check_only = false; ///< only read it (--syntax-check, parameters of modules); nothing is run
  std::string kubectl;     ///< the host's file that is kubectl inside; empty: PATH's
  int verbosity = 1;       ///< -v: per-task output in the human text
  std::chrono::milliseconds time_limit{180'000};
  std::chrono::seconds task_time_limit{120};
  std::size_t output_limit = 1024 * 1024;
  std::size_t flood_limit = 64u << 20; ///< as command::flood_limit
  // As in sandbox_spec, of the whole run.
  std::size_t total_memory_bytes = 1u << 30;
  std::chrono::seconds cpu_limit{120};
  unsigned processes = 256;
};

struct playbook_result {
  enum class reason {
    ok,
    parse_error,
    no_hosts,
    unreachable,
    task_failed,
    timed_out,
    limit,
    infra_error
  };
  reason why = reason::ok;
  int exit_code = 0;
  std::string out, err; ///< human text as ansible-playbook prints it
  std::vector<task_event> tasks;
  bool truncated = false;
  std::string limit; ///< with reason::limit: which one, as process_result::limit
  std::chrono::microseconds wall{0}, cpu{0};
};
const char* to_string(playbook_result::reason r);

/// A way to run playbooks; lives on one loop.
class ansible_runner {
public:
  virtual ~ansible_runner() = default;
  /// `on_listener` as in start_sandboxed; `done` once. Drop the handle to kill the run.
  virtual std::shared_ptr<void> run(playbook_run run, std::function<void(int fd)> on_listener,
                                    std::function<void(result<playbook_result>)> done) = 0;
};

enum class ansible_backend { host_process, command };

/// The pre-forked host process, shared by all loops of this program: started once, stopped when the
/// last owner drops it. Runs at most `at_once` ≥ 1 playbooks, the rest wait in it. Fails with the
/// remedy where Ansible or the sandbox is missing.
class ansible_host;
result<std::shared_ptr<ansible_host>> start_ansible_host(sandbox_spec::mode mode, unsigned at_once);

std::unique_ptr<ansible_runner> make_ansible_runner(io_loop& loop, ansible_backend backend,
                                                    sandbox_spec::mode mode,
                                                    std::shared_ptr<ansible_host> host);

} // namespace remed::tools

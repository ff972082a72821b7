// The real doors: probe commands as `sh -c LINE` and playbooks through Ansible, both in the sandbox
// with the agents' kubeconfig and nothing else; models over their wires.
#pragma once

#include "agents/doors.hpp"
#include "agents/model_door.hpp"
#include "agents/process_slots.hpp"
#include "runtime/world.hpp"
#include "tools/ansible.hpp"
#include "tools/sandbox.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace remed::agents {

/// What the tools of one experiment may use, over the whole tree of processes of a run.
struct tool_limits {
  std::size_t memory_bytes = 1u << 30;
  unsigned processes = 256;
  std::chrono::seconds cpu{600}; ///< of all runs of the experiment together
};

struct sandboxed_needs {
  world* where = nullptr;
  tools::io_loop* loop = nullptr;
  tools::model* mind = nullptr;
  tools::ansible_runner* ansible = nullptr;
  process_slots* slots = nullptr; ///< shared by all worlds of the thread
  budget* spent = nullptr;
  /// The agents' kubeconfig for https://127.0.0.1:6443.
  std::string kubeconfig;
  /// Serves the cluster's API on a listening socket that came out of a sandbox (and owns it) for as
  /// long as the returned handle lives.
  std::function<std::shared_ptr<void>(int fd)> serve;
  std::string inventory;
  std::string kubectl; ///< the host's file that is kubectl inside; empty: PATH's
  tools::sandbox_spec::mode sandbox = tools::sandbox_spec::mode::sandboxed;
  std::chrono::milliseconds command_limit{30'000};   ///< wall time of one probe command
  std::chrono::milliseconds playbook_limit{180'000}; ///< wall time of one playbook
  std::size_t output_limit = 256 * 1024;             ///< bytes per stream
  tool_limits most;
  bool early_checks = true; ///< before a playbook is run; off: it is run whatever it says
};

class sandboxed_doors final : public doors {
public:
  /// Everything in `n` outlives the doors.
  explicit sandboxed_doors(sandboxed_needs n);

  std::uint64_t run_command(const turn& at, const std::string& line,
                            station<command_done> to) override;
  std::uint64_t run_playbook(const turn& at, const std::string& yaml,
                             station<playbook_done> to) override;
  std::uint64_t check_playbook(const turn& at, const std::string& yaml,
                               station<playbook_done> to) override;
  std::uint64_t ask_model(const turn& at, tools::model_request request,
                          station<model_reply> to) override;
  budget& spending() override { return *needs_.spent; }

private:
  struct job;
  std::uint64_t begin(std::string type, std::string role, json about);
  /// The operation, which nobody else ends from now on; none if it has ended.
  std::shared_ptr<world::operation> close(std::uint64_t id);
  /// Starts when a slot is free; until then the world's time does not flow for this operation.
  void when_free(std::uint64_t id, std::function<void(job&)> start);
  std::function<void(int)> server_for(std::uint64_t id, job& j);
  void start_command(std::uint64_t id, job& j, const turn& at, const std::string& line,
                     const station<command_done>& to);
  void start_playbook(std::uint64_t id, job& j, const turn& at, const std::string& yaml,
                      const station<playbook_done>& to);
  void command_ended(std::uint64_t id, const turn& at, const station<command_done>& to,
                     result<tools::process_result> ended);
  void start_check(std::uint64_t id, job& j, const turn& at, const std::string& yaml,
                   const station<playbook_done>& to);
  void check_ended(std::uint64_t id, const turn& at, const station<playbook_done>& to,
                   result<tools::playbook_result> ended);
  tools::playbook_run prepared(const std::string& yaml) const;
  /// What is left of the experiment's CPU time; at least a second, which ends a run at once.
  std::chrono::seconds cpu_left() const;
  void playbook_ended(std::uint64_t id, const turn& at, const station<playbook_done>& to,
                      result<tools::playbook_result> ended);

  sandboxed_needs needs_;
  model_door model_;
  std::chrono::microseconds cpu_used_{0}; ///< by tools
  std::map<std::uint64_t, std::shared_ptr<world::operation>> open_;
};

/// What Ansible's runner says, as the protocol's outcome.
outcome to_outcome(const turn& at, tools::playbook_result ended, double seconds);

} // namespace remed::agents

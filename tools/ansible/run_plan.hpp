// What both backends run, so that they cannot differ: files, arguments, environment of one
// playbook.
#pragma once

#include "runtime/result.hpp"
#include "tools/ansible.hpp"
#include "tools/process.hpp"
#include "tools/sandbox.hpp"

namespace remed::tools {

/// Where a run finds the socket for its events.
inline constexpr int ansible_events_fd = 5;

/// Where the callback plugin lies inside, for the plain command; the host process has it in memory.
inline constexpr const char* ansible_plugin_folder = "/etc/ansible/remed";

struct run_plan {
  sandbox_spec spec;
  command cmd;
};

/// The plan of `run`: Ansible as the model's text assumes it, with what must hold forced over it.
run_plan plan_run(const playbook_run& run, sandbox_spec::mode mode);

/// Settings Ansible reads while it is imported; the host process needs them at its start.
std::map<std::string, std::string> ansible_environment(std::chrono::seconds task_limit);

/// The folder with host.py and remed_events.py.
result<std::string> ansible_scripts();

} // namespace remed::tools

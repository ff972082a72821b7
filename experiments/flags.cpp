#include "experiments/flags.hpp"

#include "experiments/commands.hpp"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

namespace remed::experiments {

void flags::add_to(CLI::App& command) {
  command.add_option("--tools", tools, "real: kubectl and ansible-playbook; inprocess: none")
      ->check(CLI::IsMember({"real", "inprocess"}))
      ->capture_default_str();
  command.add_option("--sandbox", sandbox, "none runs what models wrote on the bare host")
      ->check(CLI::IsMember({"on", "none"}))
      ->capture_default_str();
  command.add_option("--ansible", ansible, "pre-forked host process, or the plain command")
      ->check(CLI::IsMember({"host", "command"}))
      ->capture_default_str();
  command.add_option("--visibility", visibility, "whether agents can see the injected objects")
      ->check(CLI::IsMember({"hidden", "visible"}))
      ->capture_default_str();
  command.add_option("--time-scale", time_scale, "virtual seconds per second while a tool runs")
      ->check(CLI::Range(1.0, 1000.0))
      ->capture_default_str();
  command.add_option("--t-max", t_max, "trials at most; default: the method's")
      ->check(CLI::Range(1u, 100u));
  command
      .add_option("--tool-memory", tool_memory_mib,
                  "MiB of all processes of one command or playbook")
      ->check(CLI::Range(128u, 1u << 20))
      ->capture_default_str();
  command.add_option("--tool-processes", tool_processes, "processes and threads of one of them")
      ->check(CLI::Range(32u, 65536u))
      ->capture_default_str();
  command.add_option("--tool-cpu", tool_cpu_s, "CPU seconds of all tools of one experiment")
      ->check(CLI::Range(1u, 1u << 20))
      ->capture_default_str();
  command.add_flag("--early-checks,!--no-early-checks", early_checks,
                   "send broken playbooks back before a trial is spent (default; MicroRemed: off)");
  command.add_option("--out", out, "folder for event logs and results");
  command.add_option("-o,--output", output, "text or json (one document on standard output)")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command.add_flag("-q,--quiet", quiet, "no talk on standard error");
}

settings flags::to_settings() const {
  settings s;
  s.tools = tools == "inprocess" ? tool_kind::inprocess : tool_kind::real;
  s.sandbox = sandbox == "none" ? remed::tools::sandbox_spec::mode::none
                                : remed::tools::sandbox_spec::mode::sandboxed;
  s.ansible = ansible == "command" ? remed::tools::ansible_backend::command
                                   : remed::tools::ansible_backend::host_process;
  s.sight = visibility == "visible" ? env::visibility::visible : env::visibility::hidden;
  s.time_scale = time_scale;
  s.most.memory_bytes = std::size_t{tool_memory_mib} << 20;
  s.most.processes = tool_processes;
  s.most.cpu = std::chrono::seconds{tool_cpu_s};
  s.early_checks = early_checks;
  if (t_max > 0) s.t_max = t_max;
  s.out = out;
  return s;
}

void complain(const failure& why) {
  std::cerr << "remed: " << why.what << '\n';
}

int exit_for(const failure& why) {
  return why.code == errc::bad_input ? exit_usage : exit_infrastructure;
}

std::string system_of_manifests(const std::string& folder) {
  return std::filesystem::absolute(folder).lexically_normal().string();
}

} // namespace remed::experiments

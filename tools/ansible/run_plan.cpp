#include "tools/ansible/run_plan.hpp"

#include "runtime/json_value.hpp"
#include "runtime/paths.hpp"
#include "tools/kubectl.hpp"

namespace remed::tools {

namespace {

/// Extra variables beat everything a play can say: whatever it names as host, connection or method
/// of becoming root, tasks run here, as the only user there is.
json forced_variables(const std::map<std::string, std::string>& given) {
  auto out = json::object();
  for (const auto& [name, value] : given) out[name] = value;
  out["ansible_connection"] = "local";
  out["ansible_python_interpreter"] = "/usr/bin/python3";
  out["ansible_become"] = false;
  return out;
}

} // namespace

std::map<std::string, std::string> ansible_environment(std::chrono::seconds task_limit) {
  return {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
          {"LANG", "C.UTF-8"},
          {"HOME", "/root"},
          {"TMPDIR", "/tmp"},
          {"ANSIBLE_CALLBACKS_ENABLED", "remed_events"},
          {"ANSIBLE_CALLBACK_RESULT_FORMAT", "yaml"},
          {"ANSIBLE_LOCALHOST_WARNING", "0"},
          {"ANSIBLE_NOCOLOR", "1"},
          {"ANSIBLE_PIPELINING", "1"},
          {"ANSIBLE_TASK_TIMEOUT", std::to_string(task_limit.count())},
          // pip finds what is installed; what is not, it gives up at once instead of after 45 s.
          {"PIP_BREAK_SYSTEM_PACKAGES", "1"},
          {"PIP_DEFAULT_TIMEOUT", "2"},
          {"PIP_NO_INDEX", "1"},
          {"PIP_RETRIES", "0"}};
}

result<std::string> ansible_scripts() {
  const auto folder = data_root() / "tools" / "ansible";
  std::error_code ec;
  if (!std::filesystem::exists(folder / "host.py", ec)) {
    return failure{errc::failed, "remed's Ansible scripts are missing: no " +
                                     (folder / "host.py").string() +
                                     "; set REMED_HOME to the folder remed was installed to"};
  }
  return folder.string();
}

run_plan plan_run(const playbook_run& run, sandbox_spec::mode mode) {
  run_plan plan;
  plan.spec.kind = mode;
  plan.spec.files = {{"/work/playbook.yml", run.yaml},
                     {"/work/inventory.ini", run.inventory},
                     {"/root/.kube/config", run.kubeconfig},
                     {"/etc/rancher/k3s/k3s.yaml", run.kubeconfig}};
  if (!run.kubectl.empty()) plan.spec.binds[kubectl_inside] = run.kubectl;
  plan.spec.total_memory_bytes = run.total_memory_bytes;
  plan.spec.cpu_limit = run.cpu_limit;
  plan.spec.processes = run.processes;
  auto& cmd = plan.cmd;
  cmd.argv = {"ansible-playbook", "-i", "inventory.ini", "-e",
              forced_variables(run.extra_vars).dump()};
  if (run.verbosity > 0) {
    cmd.argv.push_back("-" + std::string(static_cast<std::size_t>(run.verbosity), 'v'));
  }
  if (run.check_only) cmd.argv.push_back("--syntax-check");
  cmd.argv.push_back("playbook.yml");
  cmd.env = ansible_environment(run.task_time_limit);
  cmd.env["KUBECONFIG"] = cmd.env["K8S_AUTH_KUBECONFIG"] = "/root/.kube/config";
  cmd.env["ANSIBLE_CALLBACK_PLUGINS"] = ansible_plugin_folder;
  cmd.env["REMED_EVENTS_FD"] = std::to_string(ansible_events_fd);
  cmd.cwd = "/work";
  cmd.time_limit = run.time_limit;
  cmd.output_limit = run.output_limit;
  cmd.flood_limit = run.flood_limit;
  return plan;
}

} // namespace remed::tools

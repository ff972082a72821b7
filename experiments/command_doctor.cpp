#include "chaos/mesh/rules.hpp"
#include "environments/embedded/boot.hpp"
#include "experiments/commands.hpp"
#include "runtime/json.hpp"
#include "tools/process.hpp"
#include "tools/sandbox.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <optional>

namespace remed::experiments {

namespace {

struct finding {
  std::string name;
  bool ok = false;
  std::string detail;
};
FIELDS(finding, name, ok, detail)

/// Runs a program and gives its first line of output, or why it could not.
result<std::string> first_line(std::vector<std::string> argv) {
  tools::io_loop loop;
  std::optional<result<tools::process_result>> ended;
  tools::command cmd;
  cmd.argv = std::move(argv);
  cmd.env = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
             {"HOME", "/nonexistent"}};
  cmd.time_limit = std::chrono::seconds{20};
  tools::process_callbacks callbacks;
  callbacks.done = [&](result<tools::process_result> r) { ended = std::move(r); };
  auto child = tools::start_process(loop, std::move(cmd), std::move(callbacks));
  while (!ended) loop.run_for(std::chrono::milliseconds{50});
  if (!*ended) return ended->why();
  const auto& r = **ended;
  if (r.exit_code != 0)
    return failure{errc::failed, "exit " + std::to_string(r.exit_code) + ": " + r.err};
  return r.out.substr(0, r.out.find('\n'));
}

finding program(const std::string& name, std::vector<std::string> argv, const std::string& remedy) {
  auto line = first_line(std::move(argv));
  if (line) return {name, true, *line};
  return {name, false, line.why().what + " → " + remedy};
}

finding sandbox() {
  auto possible = tools::sandbox_available();
  return {"sandbox", possible.ok(), possible ? "namespaces, seccomp, limits" : possible.why().what};
}

finding embedded_cluster() {
  const auto begin = std::chrono::steady_clock::now();
  auto system = env::load_system("simple-micro");
  if (!system) return {"embedded cluster", false, system.why().what};
  auto booted = env::boot(*system, chaos::chaos_rules(), {});
  if (!booted) return {"embedded cluster", false, booted.why().what};
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  return {"embedded cluster", true,
          "simple-micro is up in " + std::to_string(static_cast<int>(took.count())) + " ms"};
}

std::vector<finding> examine() {
  const std::string setup = "scripts/setup installs it";
  return {
      program("kubectl", {"kubectl", "version", "--client"}, setup),
      program("ansible-playbook", {"ansible-playbook", "--version"}, setup),
      program("kubernetes.core",
              {"/usr/bin/python3", "-c",
               "import kubernetes; print('python kubernetes', "
               "kubernetes.__version__)"},
              setup),
      program("busybox", {"busybox", "echo", "busybox shell for kubectl exec"}, setup),
      sandbox(),
      embedded_cluster(),
  };
}

} // namespace

void add_doctor(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("doctor", "Whether all that runs need is there");
  auto output = std::make_shared<std::string>("text");
  command->add_option("-o,--output", *output)->check(CLI::IsMember({"text", "json"}));
  command->callback([output, &context] {
    const auto findings = examine();
    bool all = true;
    for (const auto& f : findings) {
      all = all && f.ok;
      if (*output == "text") {
        std::cout << (f.ok ? " ok    " : " fail  ") << f.name << ": " << f.detail << '\n';
      }
    }
    if (*output == "json") std::cout << json(findings).dump(2) << '\n';
    context.exit = all ? exit_done : exit_not_recovered;
  });
}

} // namespace remed::experiments

#include "chaos/mesh/rules.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/embedded_environment.hpp"
#include "experiments/bench.hpp"
#include "experiments/commands.hpp"
#include "experiments/flags.hpp"
#include "experiments/record.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <iostream>

namespace remed::experiments {

namespace {

/// Booting jumps ahead on the cluster's calendar, which should not pass the wall's.
constexpr std::chrono::minutes boot_takes{2};

struct up_options {
  std::string system = "simple-micro", kubeconfig, sandbox = "on";
  std::uint16_t port = 0;
  std::uint64_t seed = 1;
};

/// Serves until told to stop; the cluster's clock is the wall's.
void serve(env::embedded_environment& place, tools::io_loop& loop, const std::atomic<bool>& stop) {
  constexpr std::chrono::milliseconds tick{50};
  while (!stop) {
    place.advance_to(wall_calendar());
    if (!loop.poll()) loop.run_for(tick);
  }
}

int up(const up_options& o, const std::atomic<bool>& stop) {
  auto system = env::load_system(o.system);
  if (!system) {
    complain(system.why());
    return exit_usage;
  }
  env::boot_options options;
  options.start = wall_calendar() - boot_takes;
  auto booted = env::boot(*system, chaos::chaos_rules(), options);
  if (!booted) {
    complain(booted.why());
    return exit_infrastructure;
  }
  auto installed = chaos::install_chaos(**booted);
  if (!installed) {
    complain(installed.why());
    return exit_infrastructure;
  }
  const auto mode =
      o.sandbox == "none" ? tools::sandbox_spec::mode::none : tools::sandbox_spec::mode::sandboxed;
  tools::io_loop loop;
  env::embedded_environment place(**booted, *system, o.seed, (*booted)->now(),
                                  env::visibility::visible, chaos::chaos_hidden(), &loop, mode);
  auto served = place.serve_port(o.port);
  if (!served) {
    complain(served.why());
    return exit_infrastructure;
  }
  const auto url = "https://127.0.0.1:" + std::to_string(served->second);
  const std::filesystem::path file = o.kubeconfig.empty() ? "kubeconfig" : o.kubeconfig;
  auto written = write_file(file, place.admin_kubeconfig(url));
  if (!written) {
    complain(written.why());
    return exit_infrastructure;
  }
  std::filesystem::permissions(
      file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::cout << std::filesystem::absolute(file).string() << std::endl;
  std::cerr << o.system << " is up at " << url << "; KUBECONFIG=" << file.string()
            << " kubectl get pods; Ctrl-C ends it\n";
  serve(place, loop, stop);
  return exit_interrupted;
}

} // namespace

void add_cluster(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("cluster", "The embedded Kubernetes cluster by itself");
  command->require_subcommand(1);
  auto* up_command = command->add_subcommand("up", "Boot a system and serve it until interrupted");
  auto o = std::make_shared<up_options>();
  up_command->add_option("--system", o->system)->capture_default_str();
  up_command->add_option("--kubeconfig-out", o->kubeconfig, "where to write the admin kubeconfig");
  up_command->add_option("--port", o->port, "on loopback; 0 picks a free one")
      ->capture_default_str();
  up_command->add_option("--seed", o->seed)->capture_default_str();
  up_command->add_option("--sandbox", o->sandbox, "for `kubectl exec … sh`")
      ->check(CLI::IsMember({"on", "none"}));
  up_command->callback([o, &context] { context.exit = up(*o, context.stop); });
}

} // namespace remed::experiments

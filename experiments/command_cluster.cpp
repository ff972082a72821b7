#include "chaos/mesh/rules.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/snapshot.hpp"
#include "environments/embedded/traffic.hpp"
#include "experiments/bench.hpp"
#include "experiments/cluster_fleet.hpp"
#include "experiments/commands.hpp"
#include "experiments/flags.hpp"
#include "experiments/record.hpp"
#include "runtime/paths.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <iostream>

namespace remed::experiments {

namespace {

namespace fs = std::filesystem;

/// Booting jumps ahead on the cluster's calendar, which should not pass the wall's.
constexpr std::chrono::minutes boot_takes{5};
/// How long the loop may rest while nobody calls.
constexpr std::chrono::milliseconds tick{50};

struct up_options {
  std::string manifests;
  std::string system = "simple-micro", kubeconfig = "kubeconfig", agent_kubeconfig, sandbox = "on";
  std::string restore, snapshot;
  bool empty = false;
  fleet_options fleet;
};

result<void> write_secret(const fs::path& file, const std::string& text) {
  auto written = write_file(file, text);
  if (!written) return written;
  std::error_code ec;
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write, ec);
  if (ec) return failure{errc::failed, file.string() + ": " + ec.message()};
  return {};
}

/// A folder gets one file per cluster, a file gets one context per cluster.
result<void> write_kubeconfigs(const cluster_fleet& fleet, const fs::path& to, bool agents) {
  if (to.has_filename() && !fs::is_directory(to))
    return write_secret(to, agents ? fleet.agent_kubeconfig() : fleet.admin_kubeconfig());
  for (const auto& one : fleet.members()) {
    const auto& who = agents ? one.place->agent() : one.place->administrator();
    auto written = write_secret(to / (one.id + (agents ? "-agent" : "") + ".kubeconfig"),
                                fleet.kubeconfig_of(one, who));
    if (!written) return written;
  }
  return {};
}

void announce(const std::string& system, fs::path file, const cluster_fleet& fleet) {
  const auto& first = fleet.members().front();
  std::cout << fs::absolute(file).string() << std::endl;
  std::cerr << (system.empty() ? "An empty cluster" : system) << " is up at " << first.url;
  if (fleet.members().size() > 1) std::cerr << " … " << fleet.members().back().url;
  if (!file.has_filename() || fs::is_directory(file)) file /= first.id + ".kubeconfig";
  std::cerr << "; KUBECONFIG=" << file.string() << " kubectl get pods; Ctrl-C ends it\n";
}

/// What is served: a cluster, the system it runs, and where its calendar begins.
struct origin {
  std::unique_ptr<env::cluster> cluster;
  env::system_profile system;
  vtime start{};
};

/// No workloads: whatever comes is applied by the clients.
env::system_profile no_system() {
  env::system_profile out;
  out.name = "default";
  return out;
}

result<origin> boot_new(const up_options& o) {
  const auto named = o.manifests.empty() ? o.system : system_of_manifests(o.manifests);
  auto system = o.empty ? result<env::system_profile>{no_system()} : env::load_system(named);
  if (!system) return system.why();
  const bool stepped = o.fleet.time_scale == 0;
  env::boot_options options;
  options.start = stepped ? stepped_epoch : wall_calendar() - boot_takes;
  auto booted = env::boot(*system, chaos::chaos_rules(), options);
  if (!booted) return booted.why();
  if (auto installed = chaos::install_chaos(**booted); !installed) return installed.why();
  const auto start = stepped ? (*booted)->now() : wall_calendar();
  return origin{std::move(*booted), std::move(*system), start};
}

result<origin> restore_saved(const up_options& o) {
  auto text = read_file(o.restore);
  if (!text) return failure{errc::bad_input, text.why().what};
  auto rules = std::make_shared<const env::cluster_rules>(chaos::chaos_rules());
  auto saved = env::restore(*text, std::move(rules));
  if (!saved) return failure{errc::bad_input, o.restore + ": " + saved.why().what};
  if (!(*saved)->traffic().system)
    return failure{errc::bad_input, o.restore + ": the saved cluster runs no system"};
  auto system = *(*saved)->traffic().system;
  const auto start = (*saved)->now();
  return origin{std::move(*saved), std::move(system), start};
}

result<void> write_all_kubeconfigs(const up_options& o, const cluster_fleet& fleet) {
  auto written = write_kubeconfigs(fleet, o.kubeconfig, false);
  if (!written || o.agent_kubeconfig.empty()) return written;
  return write_kubeconfigs(fleet, o.agent_kubeconfig, true);
}

int up(const up_options& o, const std::atomic<bool>& stop) {
  auto fail = [](const failure& why) {
    complain(why);
    return exit_for(why);
  };
  auto from = o.restore.empty() ? boot_new(o) : restore_saved(o);
  if (!from) return fail(from.why());
  auto options = o.fleet;
  // A fork with the generator's own state goes on with its numbers.
  if (!o.restore.empty()) options.seed = from->cluster->random().state();
  auto fleet = cluster_fleet::start(*from->cluster, from->system, options, from->start);
  if (!fleet) return fail(fleet.why());
  if (auto written = write_all_kubeconfigs(o, **fleet); !written) return fail(written.why());
  announce(o.empty ? "" : from->system.name, o.kubeconfig, **fleet);
  while (!stop) (*fleet)->turn(tick);
  if (!o.snapshot.empty()) {
    if (auto saved = (*fleet)->save(o.snapshot); !saved) return fail(saved.why());
    std::cerr << "saved to " << o.snapshot << '\n';
  }
  return exit_interrupted;
}

} // namespace

void add_cluster(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("cluster", "The embedded Kubernetes cluster by itself");
  command->require_subcommand(1);
  auto* up_command = command->add_subcommand("up", "Boot a system and serve it until interrupted");
  auto o = std::make_shared<up_options>();
  up_command->add_option("--system", o->system)->capture_default_str();
  up_command
      ->add_option("--kubeconfig-out", o->kubeconfig,
                   "where to write the admin kubeconfig: a file with one context per cluster, or a "
                   "folder (ending in /) with one file per cluster")
      ->capture_default_str();
  up_command->add_option("--agent-kubeconfig-out", o->agent_kubeconfig,
                         "likewise for the agents' least-privilege account");
  up_command->add_option("--count", o->fleet.count, "clusters behind one listener")
      ->check(CLI::Range(1u, 10'000u))
      ->capture_default_str();
  up_command->add_option("--manifests", o->manifests, "your own system: a folder of its manifests")
      ->check(CLI::ExistingDirectory)
      ->excludes("--system");
  up_command->add_flag("--empty", o->empty, "no system: deploy one with kubectl apply")
      ->excludes("--system")
      ->excludes("--manifests");
  up_command->add_option("--port", o->fleet.port, "on loopback; 0 picks a free one")
      ->capture_default_str();
  up_command->add_option("--seed", o->fleet.seed, "of the first cluster; each further has the next")
      ->capture_default_str();
  up_command
      ->add_option("--time-scale", o->fleet.time_scale,
                   "virtual seconds per second; 0: time stands still until told to pass")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  up_command
      ->add_option("--snapshot-out", o->snapshot,
                   "where to save the cluster when interrupted; a folder when there are several")
      ->type_name("FILE");
  up_command
      ->add_option("--restore", o->restore, "go on from a saved cluster instead of booting one")
      ->type_name("FILE")
      ->excludes("--system")
      ->excludes("--manifests")
      ->excludes("--empty")
      ->excludes("--seed");
  up_command->add_option("--sandbox", o->sandbox, "for `kubectl exec … sh`")
      ->check(CLI::IsMember({"on", "none"}));
  up_command->callback([o, &context] {
    if (o->sandbox == "none") o->fleet.sandbox = tools::sandbox_spec::mode::none;
    context.exit = up(*o, context.stop);
  });
}

} // namespace remed::experiments

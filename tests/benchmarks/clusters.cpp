// What a cluster costs: boot, fork, memory; alone and among hundreds behind one listener.

#include "chaos/mesh/rules.hpp"
#include "environments/embedded/boot.hpp"
#include "experiments/cluster_fleet.hpp"
#include "tests/benchmarks/benchmarks.hpp"
#include "tests/benchmarks/measure.hpp"

#include <malloc.h>

#include <string>
#include <vector>

namespace remed::benchmarks {

namespace {

/// Hundreds of them, each with its own credentials, served by one process.
void fleet(const env::cluster& booted, const env::system_profile& system) {
  constexpr unsigned count = 300;
  const auto before = resident_bytes();
  const stopwatch watch;
  experiments::fleet_options options;
  options.count = count;
  auto served = experiments::cluster_fleet::start(booted, system, options, booted.now());
  if (!served) {
    std::printf("clusters: %s\n", served.why().what.c_str());
    return;
  }
  line("one of 300 clusters behind one listener, CPU until it is served", watch.cpu() / count * 1e6,
       "µs");
  line("resident memory per served cluster", (resident_bytes() - before) / count / 1024, "KiB");
  const stopwatch minute;
  for (const auto& one : (*served)->members())
    one.place->advance_to(one.place->now() + std::chrono::minutes{1});
  line("an idle minute of one of them, CPU", minute.cpu() / count * 1e6, "µs");
  line("resident memory per cluster after it", (resident_bytes() - before) / count / 1024, "KiB");
}

void one_system(const char* name) {
  constexpr int boots = 5, forks = 1000;
  auto system = env::load_system(name);
  if (!system) {
    std::printf("clusters: %s\n", system.why().what.c_str());
    return;
  }
  std::vector<std::unique_ptr<env::cluster>> made; // to be taken down when nobody measures
  const stopwatch boot_watch;
  for (int i = 0; i < boots; ++i) {
    auto one = env::boot(*system, chaos::chaos_rules(), {});
    if (!one) {
      std::printf("clusters: %s\n", one.why().what.c_str());
      return;
    }
    made.push_back(std::move(*one));
  }
  line(std::string("boot ") + name + " from nothing to Ready, CPU", boot_watch.cpu() / boots * 1e3,
       "ms");
  const auto booted = std::move(made.back());
  made.clear();
  std::vector<std::unique_ptr<env::cluster>> all;
  all.reserve(forks);
  const auto before = mallinfo2().uordblks;
  const stopwatch fork_watch;
  for (int i = 0; i < forks; ++i) all.push_back(booted->fork(static_cast<std::uint64_t>(i)));
  line("fork of the booted cluster, CPU", fork_watch.cpu() / forks * 1e6, "µs");
  const auto used = static_cast<double>(mallinfo2().uordblks - before);
  line("memory of a fork that nothing was written to", used / forks / 1024, "KiB");
  line("resident memory with 1,000 forks", resident_bytes() / (1 << 20), "MiB");
  const stopwatch minute;
  for (const auto& one : all) one->advance_to(one->now() + std::chrono::minutes{1});
  line("an idle minute of a fork, CPU", minute.cpu() / forks * 1e6, "µs");
  line("resident memory with 1,000 forks that lived for a minute", resident_bytes() / (1 << 20),
       "MiB");
  all.clear();
  fleet(*booted, *system);
}

} // namespace

void clusters() {
  one_system("simple-micro");
  one_system("train-ticket");
}

} // namespace remed::benchmarks

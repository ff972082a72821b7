#include "experiments/bench.hpp"
#include "experiments/commands.hpp"
#include "experiments/console.hpp"
#include "experiments/flags.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace remed::experiments {

namespace {

struct bench_options {
  flags common;
  std::string manifests;
  bench_request wanted{{"easy"}, {"simple-micro"}, {"thinkremed"}, {"runbook"}, {}};
  std::string seeds = "1";
  unsigned parallel = 4;
  double fail_under = -1;
};

result<std::vector<record>> run_planned(const bench_options& o,
                                        const std::vector<experiment_spec>& specs,
                                        const std::atomic<bool>& stop) {
  auto how = o.common.to_settings();
  how.parallel = o.parallel;
  console talk(specs.size(), o.common.quiet);
  talk.say("plan: " + std::to_string(specs.size()) + " experiments, " + std::to_string(o.parallel) +
           " at once");
  auto done = run_all(specs, how, stop, {}, [&](const record& r) { talk.ended(r); });
  if (done && !how.out.empty()) {
    auto written = write_file(how.out / "results.json", bench_document(*done).dump(2) + "\n");
    if (!written) return written.why();
  }
  return done;
}

int run(bench_options& o, const std::atomic<bool>& stop) {
  auto seeds = parse_seeds(o.seeds);
  if (!seeds) {
    complain(seeds.why());
    return exit_usage;
  }
  o.wanted.seeds = *seeds;
  if (!o.manifests.empty()) o.wanted.systems = {system_of_manifests(o.manifests)};
  auto specs = plan(o.wanted);
  if (!specs) {
    complain(specs.why());
    return exit_usage;
  }
  if (specs->empty()) return exit_nothing;
  auto done = run_planned(o, *specs, stop);
  if (!done) {
    complain(done.why());
    return exit_for(done.why());
  }
  if (o.common.as_json())
    std::cout << bench_document(*done).dump(2) << '\n';
  else
    std::cout << summary_table(*done);
  if (stop) return exit_interrupted;
  std::size_t recovered = 0;
  for (const auto& r : *done) recovered += r.outcome == outcome_kind::recovered;
  const bool enough =
      static_cast<double>(recovered) >= o.fail_under * static_cast<double>(done->size());
  return enough ? exit_done : exit_not_recovered;
}

} // namespace

void add_bench(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("bench", "Suites × systems × methods × models × seeds");
  auto o = std::make_shared<bench_options>();
  command->add_option("--suite", o->wanted.suites, "name or file; see `remed ls suites`")
      ->delimiter(',');
  command->add_option("--system", o->wanted.systems)->delimiter(',');
  command->add_option("--manifests", o->manifests, "your own system: a folder of its manifests")
      ->check(CLI::ExistingDirectory)
      ->excludes("--system");
  command->add_option("--method", o->wanted.methods)->delimiter(',');
  command->add_option("--model", o->wanted.models)->delimiter(',');
  command->add_option("--seeds", o->seeds, "1 or 1,4 or 1..3")->capture_default_str();
  command->add_option("-j,--parallel", o->parallel, "experiments at once")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str();
  command->add_option("--fail-under", o->fail_under, "exit 1 when a smaller share is recovered")
      ->check(CLI::Range(0.0, 1.0));
  o->common.add_to(*command);
  command->callback([o, &context] { context.exit = run(*o, context.stop); });
}

} // namespace remed::experiments

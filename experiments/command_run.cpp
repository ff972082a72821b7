#include "experiments/bench.hpp"
#include "experiments/commands.hpp"
#include "experiments/console.hpp"
#include "experiments/flags.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace remed::experiments {

namespace {

struct run_options {
  flags common;
  std::string manifests;
  std::string system = "simple-micro", fault = "cpu-stress", method = "thinkremed",
              model = "runbook";
  std::uint64_t seed = 1;
};

void print(const record& r, const run_options& o, const std::filesystem::path& out) {
  if (o.common.as_json()) {
    std::cout << json(r).dump(2) << '\n';
    return;
  }
  std::cout << "outcome   " << to_string(r.outcome)
            << (r.detail.empty() ? "" : " (" + r.detail + ")") << "\nscore     " << r.score
            << "\ntrials    " << r.trials << "\ndowntime  " << r.downtime_s << " s\nmodel     "
            << r.model << ", " << r.tokens << " tokens\ntime      " << r.virtual_s << " s virtual";
  if (r.wall_s >= 0) std::cout << ", " << r.wall_s << " s wall";
  std::cout << '\n';
  for (const auto& flag : r.flags) std::cout << "flag      " << flag << '\n';
  if (!out.empty()) std::cout << "log       " << (out / r.id / "events.jsonl").string() << '\n';
}

int run(const run_options& o, const std::atomic<bool>& stop) {
  const auto system = o.manifests.empty() ? o.system : system_of_manifests(o.manifests);
  auto spec = plan_one(system, o.fault, o.method, o.model, o.seed);
  if (!spec) {
    complain(spec.why());
    return exit_usage;
  }
  auto how = o.common.to_settings();
  if (how.out.empty()) how.out = "runs/run";
  how.parallel = how.threads = 1;
  console talk(1, o.common.quiet);
  talk.say("experiment " + spec->id + ": " + spec->method + " with " + spec->model);
  auto done = run_all({*spec}, how, stop,
                      [&](const experiment_spec&, const event& e) { talk.show(e); }, {});
  if (!done) {
    complain(done.why());
    return exit_for(done.why());
  }
  const auto& r = done->front();
  print(r, o, how.out);
  if (stop) return exit_interrupted;
  if (r.outcome == outcome_kind::infra_error) return exit_infrastructure;
  return r.outcome == outcome_kind::recovered ? exit_done : exit_not_recovered;
}

} // namespace

void add_run(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("run", "One experiment, with the conversation as it happens");
  auto o = std::make_shared<run_options>();
  command->add_option("--system", o->system, "see `remed ls systems`")->capture_default_str();
  command->add_option("--manifests", o->manifests, "your own system: a folder of its manifests")
      ->check(CLI::ExistingDirectory)
      ->excludes("--system");
  command->add_option("--fault", o->fault, "KIND or KIND@TARGET; see `remed ls faults`")
      ->capture_default_str();
  command->add_option("--method", o->method, "see `remed ls methods`")->capture_default_str();
  command->add_option("--model", o->model, "see `remed ls models`")->capture_default_str();
  command->add_option("--seed", o->seed)->capture_default_str();
  o->common.add_to(*command);
  command->callback([o, &context] { context.exit = run(*o, context.stop); });
}

} // namespace remed::experiments

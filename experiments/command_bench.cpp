#include "experiments/bench/control.hpp"
#include "experiments/bench/request.hpp"
#include "experiments/commands.hpp"
#include "experiments/console.hpp"
#include "experiments/results/documents.hpp"
#include "experiments/results/microremed.hpp"
#include "experiments/results/report.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace remed::experiments {

namespace {

/// How often strict restart gives a failed injection a fresh system.
constexpr int most_restarts = 3;

settings settings_for(const bench_arguments& a, const bench_conditions& c) {
  auto said = a.common;
  said.tools = c.tools;
  said.sandbox = c.sandbox;
  said.ansible = c.ansible;
  said.visibility = c.visibility;
  said.time_scale = c.time_scale;
  said.t_max = c.t_max;
  auto how = said.to_settings();
  how.name_space = c.name_space;
  how.wait_interval_s = c.wait_interval_s;
  how.injection_timeout_s = c.injection_timeout_s;
  how.verdict = c.verdict == "microremed" ? verdict_kind::microremed : verdict_kind::sound;
  how.parallel = a.parallel;
  how.processes = a.processes;
  return how;
}

bool injection_failed(const std::vector<record>& records) {
  return std::any_of(records.begin(), records.end(),
                     [](const record& r) { return r.outcome == outcome_kind::injection_failed; });
}

/// Runs, and with strict restart gives what could not be injected a fresh system.
result<std::vector<record>> run_sittings(bench_order& order, const bench_manifest& manifest,
                                         const settings& how, const std::atomic<bool>& stop) {
  for (int restarts = 0;; ++restarts) {
    auto bench = open(order.folder, manifest, order.sit);
    if (!bench) return bench.why();
    auto done = run(*bench, how, order.sit, stop);
    if (!done || !order.strict_restart || stop || restarts == most_restarts) return done;
    if (!injection_failed(*done)) return done;
    order.sit.resume = order.sit.retry_infra = true;
  }
}

void say_how_to_resume(const std::filesystem::path& folder, const std::vector<record>& records) {
  std::size_t open = 0;
  for (const auto& r : records) open += cut_short(r);
  if (open == 0) return;
  std::cerr << open << " of " << records.size()
            << " experiments are not finished; go on with: remed bench --resume " << folder.string()
            << '\n';
}

/// Outcomes are data; that the money was out, or that nothing could be judged, is not.
int exit_code_of(const bench_arguments& a, const std::vector<record>& records) {
  std::size_t recovered = 0, counted = 0, broken = 0;
  bool broke = false;
  for (const auto& r : records) {
    counted += judged(r.outcome, r.detail);
    recovered += r.outcome == outcome_kind::recovered;
    broken += r.outcome == outcome_kind::infra_error;
    broke = broke || (r.outcome == outcome_kind::budget_exhausted && r.detail == "money");
  }
  if (broke || (counted == 0 && broken > 0)) return exit_infrastructure;
  const bool enough = static_cast<double>(recovered) >= a.fail_under * static_cast<double>(counted);
  return enough ? exit_done : exit_not_recovered;
}

int fail(const failure& why) {
  complain(why);
  return exit_for(why);
}

/// What is made from the logs: the ledger, and what was asked for beside it.
result<void> write_what_follows(const bench_arguments& a, const std::filesystem::path& folder) {
  auto read = read_bench(folder);
  if (!read) return read.why();
  const std::vector<bench_results> all{std::move(*read)};
  if (!a.old.save_path.empty()) {
    auto saved = save_conversations(all, a.old.save_path);
    if (!saved) return saved;
  }
  if (a.junit.empty()) return {};
  return write_file(a.junit, to_junit(make_study(finished_records(all))));
}

int run_bench(const bench_arguments& a, const std::atomic<bool>& stop) {
  auto order = read_order(a);
  if (!order) return fail(order.why());
  auto manifest = make_manifest(order->request, order->conditions);
  if (!manifest) return fail(manifest.why());
  if (manifest->plan.empty()) return exit_nothing;
  if (a.dry_run) {
    for (const auto& spec : manifest->plan) std::cout << spec.id << '\n';
    return exit_done;
  }
  const auto how = settings_for(a, order->conditions);
  auto done = run_sittings(*order, *manifest, how, stop);
  if (!done) return fail(done.why());
  auto written = write_file(order->folder / "results.json", bench_document(*done).dump(2) + "\n");
  if (!written) return fail(written.why());
  auto derived = write_what_follows(a, order->folder);
  if (!derived) return fail(derived.why());
  if (a.common.as_json())
    std::cout << bench_document(*done).dump(2) << '\n';
  else
    std::cout << summary_table(*done);
  say_how_to_resume(order->folder, *done);
  return stop ? exit_interrupted : exit_code_of(a, *done);
}

int cancel_bench(const std::string& folder, const std::string& id) {
  auto bench = load_manifest(folder);
  if (!bench) return fail(bench.why());
  if (!bench_lock::is_held(folder)) {
    return fail({errc::bad_input, "no bench is running in " + folder});
  }
  const auto& plan = bench->plan;
  const bool known = std::any_of(plan.begin(), plan.end(),
                                 [&](const experiment_spec& spec) { return spec.id == id; });
  if (!id.empty() && !known)
    return fail({errc::bad_input, "no experiment " + id + " in " + folder});
  auto ordered = order_cancel(folder, id);
  if (!ordered) return fail(ordered.why());
  std::cerr << "asked to cancel " << (id.empty() ? "all" : id) << '\n';
  return exit_done;
}

void add_plan_options(CLI::App& command, bench_arguments& a) {
  command.add_option("--suite", a.wanted.suites, "name or file; see `remed ls suites`")
      ->delimiter(',');
  auto* system = command.add_option("--system", a.wanted.systems)->delimiter(',');
  command.add_option("--manifests", a.manifests, "your own system: a folder of its manifests")
      ->check(CLI::ExistingDirectory)
      ->excludes(system);
  command.add_option("--method", a.wanted.methods)->delimiter(',');
  command.add_option("--model", a.wanted.models)->delimiter(',');
  command.add_option("--seeds", a.seeds, "1 or 1,4 or 1..3")->capture_default_str();
  command.add_option("--verdict", a.verdict, "which decides; both are recorded")
      ->check(CLI::IsMember({"sound", "microremed"}))
      ->capture_default_str();
}

void add_sitting_options(CLI::App& command, bench_arguments& a) {
  command.add_option("-j,--parallel", a.parallel, "experiments at once")
      ->check(CLI::Range(1u, 100'000u))
      ->capture_default_str();
  command
      .add_option("--processes", a.processes,
                  "child processes at once; default: one per core, more while\ncores are idle")
      ->check(CLI::Range(1u, 1024u));
  command.add_option("--resume", a.resume, "go on with the bench in this folder (or in --out)")
      ->expected(0, 1);
  command.add_option("--retry", a.retry, "failed, infra or both: run these again too");
  command.add_option("--deadline", a.deadline, "wall time for each suite: 90s, 30m, 2h");
  command.add_option("--max-cost", a.max_cost, "USD for the whole bench: 5, 2.50usd");
  command.add_option("--fail-under", a.fail_under, "exit 1 when a smaller share is recovered")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--junit", a.junit, "write JUnit's XML to this file at the end");
  command.add_flag("--dry-run", a.dry_run, "print the experiments and stop");
}

/// MicroRemed's arguments; --model is there already.
void add_old_options(CLI::App& command, old_arguments& old) {
  const auto group = "As in MicroRemed";
  auto add = [&](const char* name, auto& value, const char* what) {
    return command.add_option(name, value, what)->group(group);
  };
  add("--experiments", old.experiments, "how many, of random fault kinds");
  add("--namespace", old.name_space, "where the system is deployed");
  add("--wait-interval", old.wait_interval_s, "seconds between status checks (virtual)");
  add("--injection-timeout", old.injection_timeout_s, "seconds for a fault to show (virtual)");
  add("--env", old.env, "the system");
  add("--save-path", old.save_path, "folder for conversations as MicroRemed writes them");
  add("--manifest-path", old.manifest_path,
      "not needed: each experiment has a fresh copy of its system");
  add("--remediate-method", old.remediate_method, "ThinkRemed or SoloGen");
  add("--experiment-path", old.experiment_path, "a list of fault kinds, one a line");
  add("--enable-strict-restart", old.strict_restart,
      "True: a fault that does not show is injected again, into a fresh system");
}

void add_cancel(CLI::App& command, command_context& context) {
  auto* cancel = command.add_subcommand("cancel", "End a running bench, or one of its experiments");
  auto folder = std::make_shared<std::string>(), id = std::make_shared<std::string>();
  cancel->add_option("folder", *folder, "the bench's")->required();
  cancel->add_option("id", *id, "of one experiment; default: all");
  cancel->callback([folder, id, &context] { context.exit = cancel_bench(*folder, *id); });
}

} // namespace

void add_bench(CLI::App& app, command_context& context) {
  auto* command = app.add_subcommand("bench", "Suites × systems × methods × models × seeds");
  auto a = std::make_shared<bench_arguments>();
  add_plan_options(*command, *a);
  add_sitting_options(*command, *a);
  add_old_options(*command, a->old);
  a->common.add_to(*command);
  add_cancel(*command, context);
  command->callback([a, command, &context] {
    if (!command->get_subcommands().empty()) return; // it has answered
    for (const auto* option : command->get_options()) {
      if (option->count() > 0) a->given.push_back(option->get_name());
    }
    a->resume_given = command->count("--resume") > 0;
    context.exit = run_bench(*a, context.stop);
  });
}

} // namespace remed::experiments

// What an experiment costs, and where the CPU goes: our own code, Ansible, kubectl.

#include "experiments/bench.hpp"
#include "tests/benchmarks/benchmarks.hpp"
#include "tests/benchmarks/measure.hpp"

#include <atomic>

namespace remed::benchmarks {

namespace {

using namespace remed::experiments;

std::vector<experiment_spec> runbook_on(const std::string& suite, const std::string& system) {
  auto specs = plan({{suite}, {system}, {"thinkremed"}, {"runbook"}, {1}});
  if (!specs) {
    std::printf("%s: %s\n", suite.c_str(), specs.why().what.c_str());
    return {};
  }
  return std::move(*specs);
}

void run(const char* title, const settings& how, const std::vector<experiment_spec>& specs) {
  const std::atomic<bool> stop{false};
  const stopwatch watch;
  auto done = run_all(specs, how, stop, {}, {});
  if (!done) {
    std::printf("%s: %s\n", title, done.why().what.c_str());
    return;
  }
  const auto n = static_cast<double>(done->size());
  double ansible = 0, kubectl = 0, recovered = 0;
  for (const auto& r : *done) {
    ansible += r.cpu_s.value("playbook", 0.0);
    kubectl += r.cpu_s.value("command", 0.0);
    recovered += r.outcome == outcome_kind::recovered;
  }
  const auto wall = watch.wall(), ours = watch.cpu();
  std::printf("%s: %g of %g recovered\n", title, recovered, n);
  line("  wall", wall, "s");
  line("  wall per experiment", wall / n, "s");
  line("  cores busy", (ours + ansible + kubectl) / wall, "");
  line("  CPU per experiment, our own code", ours / n * 1e3, "ms");
  if (ansible + kubectl == 0) return;
  line("  CPU per experiment, Ansible", ansible / n * 1e3, "ms");
  line("  CPU per experiment, kubectl and the probes' shells", kubectl / n * 1e3, "ms");
}

} // namespace

void experiments() {
  const auto specs = runbook_on("easy", "simple-micro");
  if (specs.empty()) return;
  settings how;
  how.tools = tool_kind::inprocess;
  run("easy suite, in-process tools, stepped time", how, specs);
  how.tools = tool_kind::real;
  const stopwatch first;
  const std::atomic<bool> stop{false};
  auto one = run_all({specs.front()}, how, stop, {}, {});
  if (one) line("start to first scored experiment, real tools, wall", first.wall(), "s");
  run("easy suite, real kubectl and Ansible", how, specs);
  how.ansible = tools::ansible_backend::command;
  run("five of it, ansible-playbook as a plain command", how, {specs.begin(), specs.begin() + 5});
}

void suite() {
  const std::string name = text_of("SUITE", "hard"), system = text_of("SYSTEM", "train-ticket");
  const auto specs = runbook_on(name, system);
  if (specs.empty()) return;
  settings how;
  run((name + " on " + system + ", real kubectl and Ansible").c_str(), how, specs);
}

} // namespace remed::benchmarks

// From suites, systems, methods, models and seeds to the list of experiments to run.
#pragma once

#include "runtime/fields.hpp"
#include "runtime/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace remed::experiments {

/// A list of scenarios by fault kind, from experiments/suites/<name>.yaml or a user's file.
struct suite {
  std::string name, title;
  std::vector<std::string> faults;
};
FIELDS(suite, name, title, faults)

/// One experiment: one method with one model on one scenario.
struct experiment_spec {
  std::string id;       ///< unique in its bench, fit for a file name
  std::string scenario; ///< what every method and model faces alike: the id without these
  std::string suite, system, fault, target, method, model;
  std::uint32_t position = 0; ///< in its suite, from 1; 0: in none
  std::uint64_t seed = 0;
};
FIELDS(experiment_spec, id, scenario, suite, system, position, fault, target, method, model, seed)

struct bench_request {
  std::vector<std::string> suites, systems, methods, models;
  std::vector<std::uint64_t> seeds;
};
FIELDS(bench_request, suites, systems, methods, models, seeds)

/// A suite by its name; from a file: YAML, or *.txt with one fault kind a line (# begins a
/// comment); or "random:N": N of the benchmark's kinds, the same ones each time.
result<suite> load_suite(const std::string& name_or_file);
/// A list of kinds as MicroRemed names it: the file if it is there, else the shipped suite that is
/// called so (experiments/easy.txt: easy).
std::string list_of_kinds(const std::string& file);
std::vector<std::string> shipped_suites();

/// All combinations, in a fixed order. The target of the i-th scenario of a suite depends only on
/// system, suite, position and seed: two models face the same scenarios.
result<std::vector<experiment_spec>> plan(const bench_request& request);

/// "cpu-stress@hello-service": fault and target; without a target the seed picks one.
result<experiment_spec> plan_one(const std::string& system, const std::string& fault_at_target,
                                 const std::string& method, const std::string& model,
                                 std::uint64_t seed);

/// "1", "1,4" or "1..3".
result<std::vector<std::uint64_t>> parse_seeds(const std::string& text);

} // namespace remed::experiments

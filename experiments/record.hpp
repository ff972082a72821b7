// What is kept of an experiment beside its event log: one result per experiment, one document per
// bench.
#pragma once

#include "experiments/plan.hpp"
#include "runtime/json.hpp"
#include "runtime/messages.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace remed::experiments {

/// One line of a bench.
struct record {
  std::string id, suite, system, fault, target, method, model;
  std::uint64_t seed = 0;
  outcome_kind outcome = outcome_kind::infra_error;
  std::string detail;
  std::vector<std::string> flags;
  double score = 0;
  std::uint32_t trials = 0;
  double downtime_s = 0;
  std::int64_t restarts = 0, writes = 0;
  double wall_s = 0, virtual_s = 0;
  std::int64_t tokens = 0;
  double cost_usd = 0; ///< negative: unknown
  bool clean = false;
  std::string log_hash;        ///< of the whole event log
  json cpu_s = json::object(); ///< seconds of child processes by tool
};
FIELDS(record, id, suite, system, fault, target, method, model, seed, outcome, detail, flags, score,
       trials, downtime_s, restarts, writes, wall_s, virtual_s, tokens, cost_usd, clean, log_hash,
       cpu_s)

record make_record(const experiment_spec& spec, const episode_result& ended);

/// The document of `bench -o json`.
json bench_document(const std::vector<record>& records);

/// Per method and model: n, outcomes, mean score; for people.
std::string summary_table(const std::vector<record>& records);

/// Writes atomically: a reader sees the old file or the new one.
result<void> write_file(const std::filesystem::path& file, const std::string& text);

} // namespace remed::experiments

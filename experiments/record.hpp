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

/// One line of a bench: what its event log says, so that it can be made from the log again.
struct record {
  std::string id, scenario, suite, system, fault, target, method, model;
  std::uint32_t position = 0;
  std::uint64_t seed = 0;
  bool policy = false; ///< the model is a built-in policy, no LLM
  std::string tools, visibility;
  std::string verdict; ///< which verdict decided: sound, microremed
  std::uint32_t t_max = 0;
  int score_version = 0;

  outcome_kind outcome = outcome_kind::infra_error;
  std::string detail;
  std::vector<std::string> flags;
  double score = 0;
  std::uint32_t trials = 0;
  double downtime_s = 0;
  std::int64_t restarts = 0, writes = 0;
  bool clean = false;
  std::string sound_verdict, peer_verdict; ///< of the last trial, where both were made
  std::string failing;                     ///< what the last verdict found wanting

  /// Seconds; negative: unknown, as wall time is where time is stepped.
  double wall_s = -1, virtual_s = 0;
  /// From the incident to the end of the remedy that was verified. Verification is not part of it:
  /// how long it watches is this benchmark's choice, not the agents'.
  double ttr_s = -1, ttr_wall_s = -1;
  double model_s = 0, tool_s = 0;           ///< virtual
  double model_wall_s = 0, tool_wall_s = 0; ///< as the log's wall clock says
  double line_wall_s = 0;                   ///< of tools, in line for a process
  std::int64_t model_calls = 0, tokens = 0, tokens_in = 0, tokens_out = 0;
  double cost_usd = 0; ///< negative: unknown

  std::string log_hash;        ///< of the event log up to the result
  json cpu_s = json::object(); ///< seconds of child processes by tool
};
FIELDS(record, id, scenario, suite, system, position, fault, target, method, model, seed, policy,
       tools, visibility, verdict, t_max, score_version, outcome, detail, flags, score, trials,
       downtime_s, restarts, writes, clean, sound_verdict, peer_verdict, failing, wall_s, virtual_s,
       ttr_s, ttr_wall_s, model_s, tool_s, model_wall_s, tool_wall_s, line_wall_s, model_calls,
       tokens, tokens_in, tokens_out, cost_usd, log_hash, cpu_s)

record make_record(const experiment_spec& spec, const episode_result& ended);
/// Takes over what the supervisor reported at the end.
void settle(record& r, const episode_result& ended);

/// Whether an outcome says something about method and model. Not so when the infrastructure failed,
/// the fault could not be injected, somebody cancelled, or the bench's own money was out.
bool judged(outcome_kind outcome, const std::string& detail);

/// The document of `bench -o json`.
json bench_document(const std::vector<record>& records);

/// Per method and model: n, outcomes, mean score; for people.
std::string summary_table(const std::vector<record>& records);

/// Writes atomically: a reader sees the old file or the new one.
result<void> write_file(const std::filesystem::path& file, const std::string& text);

} // namespace remed::experiments

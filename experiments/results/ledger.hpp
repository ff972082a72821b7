// The ledger of a bench: DIR/ledger.sqlite, a table of all its experiments for reports and for
// anybody's SQL. Made from the event logs alone; it can be deleted at any time.
//
//   experiment  one row each: place in the plan, state, attempts, and the fields of a record by
//   their names flag        id, flag bench       key, value: what the manifest says log         id,
//   bytes, changed: what the rows were read from, so that only new logs are read
#pragma once

#include "experiments/bench/manifest.hpp"
#include "experiments/record.hpp"

#include <filesystem>
#include <vector>

namespace remed::experiments {

enum class entry_state { finished, unfinished, not_run };
NAMES(entry_state, "finished", "unfinished", "not_run")

/// One planned experiment.
struct ledger_entry {
  entry_state state = entry_state::not_run;
  std::int64_t attempts = 0;    ///< put aside, before the one that counts
  double attempts_cost_usd = 0; ///< of these; unknown ones not counted
  record what;                  ///< of what is not finished: the plan, and what was spent so far
};

struct bench_results {
  std::filesystem::path folder;
  bench_manifest manifest;
  std::vector<ledger_entry> entries; ///< in the order of the plan
};

/// Brings the ledger up to date with the logs, makes it anew when asked to or when it cannot be
/// read, and returns what it holds.
result<bench_results> read_bench(const std::filesystem::path& folder, bool rebuild = false);

} // namespace remed::experiments

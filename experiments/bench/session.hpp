// One sitting of a bench: opens its folder, runs what is not finished, keeps everything recorded.
//
//   DIR/manifest.json     what the bench is
//   DIR/ID/events.jsonl   an experiment; its last event is its result
//   DIR/attempts/ID/N/    earlier attempts, in order
//   DIR/lock, DIR/control one writer; orders to it
//   DIR/results.json, DIR/ledger.sqlite   made from the logs, at will
#pragma once

#include "experiments/bench.hpp"
#include "experiments/bench/lock.hpp"
#include "experiments/bench/manifest.hpp"
#include "experiments/bench/progress.hpp"

#include <atomic>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace remed::experiments {

/// What one sitting may do; not part of what the bench is.
struct sitting {
  bool resume = false;
  bool retry_failed = false;        ///< judged, and not recovered
  bool retry_infra = false;         ///< not judged
  std::optional<double> deadline_s; ///< wall, of each suite from its first start on
  std::optional<double> max_cost;   ///< USD, earlier sittings included
  bool quiet = false;
};

/// Cancelled together with its bench or suite, or out of the bench's money: as good as never begun,
/// and run when the bench is resumed.
bool cut_short(const record& r);

/// An opened bench, locked until it is dropped.
struct open_bench {
  std::filesystem::path folder;
  bench_lock lock;
  bench_manifest manifest;
  std::vector<std::optional<record>> kept; ///< by position in the plan: finished, and not to retry
  double spent_usd = 0;                    ///< in earlier sittings, unfinished attempts included
};

/// Creates the folder with its manifest, or opens the one that is to be resumed. Refused: a bench
/// that somebody writes to; a folder that holds a bench, without `resume`; a bench that is not what
/// `m` is. Unfinished logs and those to retry are put aside.
result<open_bench> open(const std::filesystem::path& folder, bench_manifest m, const sitting& how);

/// Runs what is left; records in the order of the plan. `settings.out` and `.money` are set here.
result<std::vector<record>> run(const open_bench& bench, settings how, const sitting& sit,
                                const std::atomic<bool>& stop);

/// All records of a bench as its logs have them, in the order of the plan; none: not finished.
std::vector<std::optional<record>> read_records(const std::filesystem::path& folder,
                                                const std::vector<experiment_spec>& plan);

} // namespace remed::experiments

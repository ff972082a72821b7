// A bench as it is asked for on the command line: our own words, and MicroRemed's eleven arguments
// under their old names.
#pragma once

#include "experiments/bench/session.hpp"
#include "experiments/flags.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace remed::experiments {

/// MicroRemed's arguments that have no name of ours. What was not given stays empty.
struct old_arguments {
  std::optional<unsigned> experiments;       ///< how many, of random kinds; a list goes before it
  std::string env;                           ///< --system
  std::string name_space;                    ///< where the system is deployed
  std::optional<double> wait_interval_s;     ///< between checks; virtual
  std::optional<double> injection_timeout_s; ///< for the symptom to show; virtual
  std::string save_path;                     ///< a folder for conversations
  std::string manifest_path;                 ///< what services are restored from
  std::string remediate_method;              ///< ThinkRemed, SoloGen
  std::string experiment_path;               ///< a list of fault kinds
  std::string strict_restart;                ///< True, False
};

/// All that `remed bench` was told.
struct bench_arguments {
  flags common;
  bench_request wanted{{"easy"}, {"simple-micro"}, {"thinkremed"}, {"runbook"}, {}};
  std::string seeds = "1", manifests, verdict = "sound";
  std::string resume, retry, deadline, max_cost, junit;
  bool resume_given = false;
  unsigned parallel = served_by_core * cores(), processes = 0;
  double fail_under = -1;
  bool dry_run = false;
  old_arguments old;
  /// Names of the options that were given; what was not is taken from a resumed bench's manifest.
  std::vector<std::string> given;
};

/// What is to be done, read from the arguments.
struct bench_order {
  std::filesystem::path folder;
  sitting sit;
  bench_request request;
  bench_conditions conditions;
  bool strict_restart = false;
};

/// Errors (errc::bad_input) name the argument.
result<bench_order> read_order(const bench_arguments& a);

/// "90", "90s", "30m", "2h", "1h30m": seconds.
result<double> parse_duration(const std::string& text);
/// "5", "5usd", "$5": USD.
result<double> parse_money(const std::string& text);

/// A cap on money cannot be kept for a model without prices.
result<void> check_prices(const std::vector<std::string>& models);

} // namespace remed::experiments

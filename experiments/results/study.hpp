// What benches say together: who faced what, how often they succeeded, who did better than whom on
// the same scenarios. Pure functions of records.
#pragma once

#include "experiments/record.hpp"
#include "experiments/results/statistics.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace remed::experiments {

/// A method with a model under certain conditions.
struct entrant {
  std::string name; ///< "thinkremed/qwen", and what of the conditions differs between entrants
  std::string method, model;
  bool policy = false;
  std::string conditions;         ///< "real tools, hidden, T_max 7, sound verdict, score 1"
  std::vector<const record*> all; ///< finished ones, in order
  std::vector<const record*> judged_ones() const;
};

/// "model", "policy (ceiling)", "policy (floor)" or "policy".
std::string kind_of(const entrant& e);

/// Success over some experiments.
struct tally {
  std::int64_t n = 0, recovered = 0, flagged = 0;
  double score = 0, trials = 0; ///< means
  double share() const {
    return n > 0 ? static_cast<double>(recovered) / static_cast<double>(n) : 0;
  }
  interval ci() const { return wilson(recovered, n); }
};
tally count(const std::vector<const record*>& records);

/// Two entrants on the scenarios that both were judged on.
struct pairing {
  const entrant *first = nullptr, *second = nullptr;
  std::int64_t n = 0, both = 0, only_first = 0, only_second = 0;
  double difference() const {
    return n > 0 ? static_cast<double>(only_first - only_second) / static_cast<double>(n) : 0;
  }
  double p() const { return mcnemar(only_first, only_second); }
};

/// Entrants in order of success on the scenarios that all models were judged on (without a model:
/// all policies). Policies are shown beside them, on those of these scenarios that they faced.
struct ranking {
  struct place {
    int rank = 0; ///< 0: a policy, shown and not ranked; equal results share a rank
    const entrant* who = nullptr;
    tally common;            ///< on the common scenarios
    std::int64_t judged = 0; ///< scenarios it was judged on in all
  };
  std::set<std::string> scenarios; ///< the common ones; empty: nothing can be ranked
  std::size_t all_scenarios = 0;   ///< that at least one was judged on
  std::vector<place> places;
  bool complete() const { return scenarios.size() == all_scenarios; }
};

/// Entrants point into the records: moved, never copied.
struct study {
  study() = default;
  study(study&&) = default;
  study& operator=(study&&) = default;

  std::vector<record> records; ///< finished ones; of the same entrant on the same scenario the last
  std::size_t replaced = 0;    ///< results that a later bench's took the place of
  std::vector<entrant> entrants;
};

/// Sorts records by who made them. Of several on the same scenario the last counts.
study make_study(std::vector<record> records);

std::vector<pairing> pair_up(const study& s);
/// Over all records, or those of one system and suite. `alike`: policies count as models.
ranking rank(const study& s, const std::string& system = {}, const std::string& suite = {},
             bool alike = false);

/// pass@k over seeds: of each position in a suite on a system the unbiased estimate, then the mean
/// over positions. None when a position has fewer than k judged seeds.
std::optional<double> pass_over_seeds(const std::vector<const record*>& records, std::int64_t k);

} // namespace remed::experiments

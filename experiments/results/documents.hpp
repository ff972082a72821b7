// Results for programs: JSON, CSV (a row per experiment) and JUnit's XML.
#pragma once

#include "experiments/results/ledger.hpp"
#include "experiments/results/study.hpp"

#include <string>
#include <vector>

namespace remed::experiments {

/// Schema remed.report/1: benches, entrants with their shares and intervals, pairs, rankings,
/// experiments.
json report_document(const std::vector<bench_results>& benches, const study& s);

/// RFC 4180, one row per planned experiment, header first.
std::string to_csv(const std::vector<bench_results>& benches);

/// A test suite per system, suite and entrant; not recovered is a failure, not judged is skipped.
std::string to_junit(const study& s);

} // namespace remed::experiments

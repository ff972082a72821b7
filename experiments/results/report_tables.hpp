// The tables of a report, one function each.
#pragma once

#include "experiments/results/report.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace remed::experiments {

/// System and suite of all records.
std::set<std::pair<std::string, std::string>> groups_of(const study& s);

report_table success_table(const study& s);
report_table pairs_table(const study& s);
report_table seeds_table(const study& s);
report_table faults_table(const study& s);
report_table times_table(const study& s);
report_table money_table(const study& s);
report_table flags_table(const study& s);
report_table endings_table(const study& s);
report_table not_judged_table(const study& s);
report_table verdicts_table(const study& s);
report_table ranking_table(const std::string& title, const ranking& r);

/// "88.4 %".
std::string spell_share(double share);
/// "[78.8, 94.0]", in percent.
std::string spell_interval(const interval& i);
/// A number with that many digits after the point; "–" for none.
std::string spell_number(std::optional<double> x, int digits);
/// "$0.12"; "?" when unknown (negative).
std::string spell_usd(double usd);

} // namespace remed::experiments

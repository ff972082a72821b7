#include "experiments/results/report.hpp"

#include "experiments/results/report_tables.hpp"

#include <algorithm>
#include <set>

namespace remed::experiments {

namespace {

std::string plural(std::size_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::vector<std::string> about(const std::vector<bench_results>& benches, const study& s) {
  std::vector<std::string> notes;
  for (const auto& b : benches) {
    std::size_t counted = 0, ended = 0;
    std::int64_t aside = 0;
    double cost_aside = 0;
    for (const auto& e : b.entries) {
      const bool over = e.state == entry_state::finished;
      ended += over;
      counted += over && judged(e.what.outcome, e.what.detail);
      aside += e.attempts;
      cost_aside += e.attempts_cost_usd;
    }
    auto line = b.folder.filename().string() + ": " + std::to_string(counted) + " of " +
                plural(b.entries.size(), "planned experiment") + " judged, " +
                std::to_string(ended - counted) + " ended without, " +
                std::to_string(b.entries.size() - ended) + " not finished; begun " +
                b.manifest.begun + ", remed " + b.manifest.version;
    if (aside > 0) {
      line += ", " + plural(static_cast<std::size_t>(aside), "earlier attempt") +
              " put aside (cost " + spell_usd(cost_aside) + ")";
    }
    notes.push_back(line);
  }
  std::set<std::string> conditions;
  for (const auto& e : s.entrants) conditions.insert(e.conditions);
  for (const auto& words : conditions) {
    notes.push_back((conditions.size() > 1 ? "Under different conditions: " : "Conditions: ") +
                    words + ".");
  }
  if (s.replaced > 0) {
    notes.push_back(plural(s.replaced, "result") +
                    " of the same entrant on the same scenario left out: the last bench's counts.");
  }
  return notes;
}

void add(report& to, report_table t) {
  if (!t.rows.empty() || !t.notes.empty()) to.tables.push_back(std::move(t));
}

} // namespace

std::vector<record> finished_records(const std::vector<bench_results>& benches) {
  std::vector<record> out;
  for (const auto& b : benches) {
    for (const auto& e : b.entries) {
      if (e.state == entry_state::finished) out.push_back(e.what);
    }
  }
  return out;
}

report make_report(const std::vector<bench_results>& benches, const study& s) {
  report out;
  out.title = "remed report";
  out.notes = about(benches, s);
  add(out, success_table(s));
  add(out, pairs_table(s));
  add(out, seeds_table(s));
  add(out, faults_table(s));
  add(out, times_table(s));
  add(out, money_table(s));
  add(out, flags_table(s));
  add(out, endings_table(s));
  add(out, not_judged_table(s));
  add(out, verdicts_table(s));
  return out;
}

report make_board(const std::vector<bench_results>& benches, const study& s) {
  report out;
  out.title = "remed board";
  out.notes = about(benches, s);
  const auto groups = groups_of(s);
  if (groups.size() > 1) add(out, ranking_table("All systems and suites", rank(s)));
  for (const auto& [system, suite] : groups) {
    add(out, ranking_table(system + ", " + suite, rank(s, system, suite)));
  }
  add(out, pairs_table(s));
  return out;
}

} // namespace remed::experiments

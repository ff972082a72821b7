#include "experiments/results/report_tables.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>

namespace remed::experiments {

namespace {

using records = std::vector<const record*>;

std::string text_of(const char* format, double x) {
  char text[64];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

std::string number(std::int64_t n) {
  return std::to_string(n);
}

std::string short_name(const std::string& name_or_folder) {
  return std::filesystem::path(name_or_folder).filename().string();
}

records of_group(const records& all, const std::pair<std::string, std::string>& group) {
  records out;
  for (const auto* r : all) {
    if (r->system == group.first && r->suite == group.second) out.push_back(r);
  }
  return out;
}

/// The known ones of a figure that is negative when unknown.
std::vector<double> known(const records& all, double record::*field) {
  std::vector<double> out;
  for (const auto* r : all) {
    if (r->*field >= 0) out.push_back(r->*field);
  }
  return out;
}

double sum(const records& all, double record::*field) {
  double out = 0;
  for (const auto* r : all) out += r->*field;
  return out;
}

std::int64_t sum(const records& all, std::int64_t record::*field) {
  std::int64_t out = 0;
  for (const auto* r : all) out += r->*field;
  return out;
}

/// Says where entrants of a group were judged on different scenarios.
void note_gaps(const study& s, const std::pair<std::string, std::string>& group,
               report_table& out) {
  const auto r = rank(s, group.first, group.second, true);
  if (r.complete()) return;
  std::string line = short_name(group.first) + ", " + group.second +
                     ": not all were judged on all " + std::to_string(r.all_scenarios) +
                     " scenarios (";
  bool first = true;
  for (const auto& place : r.places) {
    if (place.judged == static_cast<std::int64_t>(r.all_scenarios)) continue;
    line += (first ? "" : ", ") + place.who->name + " on " + number(place.judged);
    first = false;
  }
  out.notes.push_back(line +
                      "): its rows are not comparable as they stand; `remed board` and the "
                      "pairs below compare on common scenarios only.");
}

} // namespace

std::string spell_share(double share) {
  return text_of("%.1f %%", share * 100);
}

std::string spell_interval(const interval& i) {
  return "[" + text_of("%.1f", i.low * 100) + ", " + text_of("%.1f", i.high * 100) + "]";
}

std::string spell_number(std::optional<double> x, int digits) {
  if (!x) return "–";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, *x);
  return text;
}

std::string spell_usd(double usd) {
  if (usd < 0) return "?";
  return usd > 0 && usd < 0.1 ? text_of("$%.4f", usd) : text_of("$%.2f", usd);
}

std::set<std::pair<std::string, std::string>> groups_of(const study& s) {
  std::set<std::pair<std::string, std::string>> out;
  for (const auto& r : s.records) out.insert({r.system, r.suite});
  return out;
}

report_table success_table(const study& s) {
  report_table t;
  t.title = "Success";
  t.notes = {
      "n counts judged experiments; what infrastructure, injection or a cancellation ended "
      "is in the last column and in no share. 95 % intervals are Wilson's."};
  t.columns = {"system",  "suite", "method/model", "kind",   "n",     "recovered", "success",
               "95 % CI", "score", "flagged",      "trials", "TTR s", "not judged"};
  t.text_columns = 4;
  for (const auto& group : groups_of(s)) {
    note_gaps(s, group, t);
    for (const auto& e : s.entrants) {
      const auto all = of_group(e.all, group), mine = of_group(e.judged_ones(), group);
      if (all.empty()) continue;
      const auto c = count(mine);
      auto if_any = [&](double mean, int digits) {
        return c.n > 0 ? spell_number(mean, digits) : std::string("–");
      };
      t.rows.push_back({short_name(group.first), group.second, e.name, kind_of(e), number(c.n),
                        number(c.recovered), c.n > 0 ? spell_share(c.share()) : "–",
                        c.n > 0 ? spell_interval(c.ci()) : "–", if_any(c.score, 3),
                        number(c.flagged), if_any(c.trials, 1),
                        spell_number(quantile(known(mine, &record::ttr_s), 0.5), 1),
                        number(static_cast<std::int64_t>(all.size() - mine.size()))});
    }
  }
  return t;
}

report_table pairs_table(const study& s) {
  report_table t;
  t.title = "Pairs on the same scenarios";
  t.columns = {"first",      "second",      "scenarios",  "both",
               "only first", "only second", "difference", "p (McNemar)"};
  t.text_columns = 2;
  for (const auto& p : pair_up(s)) {
    t.rows.push_back({p.first->name, p.second->name, number(p.n), number(p.both),
                      number(p.only_first), number(p.only_second),
                      text_of("%+.1f pp", p.difference() * 100),
                      p.p() < 0.0001 ? "< 0.0001" : text_of("%.4f", p.p())});
  }
  if (!t.rows.empty()) {
    t.notes = {
        "Two-sided; exact binomial below 25 discordant pairs, else chi-squared with "
        "continuity correction. Not corrected for the number of pairs."};
  }
  return t;
}

report_table seeds_table(const study& s) {
  report_table t;
  t.title = "pass@k over seeds";
  const std::vector<std::int64_t> ks{1, 2, 3, 5, 10};
  t.columns = {"method/model", "kind"};
  for (const auto k : ks) t.columns.push_back("pass@" + number(k));
  t.text_columns = 2;
  for (const auto& e : s.entrants) {
    const auto mine = e.judged_ones();
    if (!pass_over_seeds(mine, 2)) continue;
    std::vector<std::string> row{e.name, kind_of(e)};
    for (const auto k : ks) {
      const auto p = pass_over_seeds(mine, k);
      row.push_back(p ? spell_share(*p) : "–");
    }
    t.rows.push_back(std::move(row));
  }
  if (!t.rows.empty()) {
    t.notes = {
        "Unbiased estimate per position of a suite, then the mean; each seed has its own "
        "target. – where a position was judged with fewer seeds."};
  }
  return t;
}

report_table faults_table(const study& s) {
  report_table t;
  t.title = "By fault kind";
  t.columns = {"fault", "method/model", "kind", "n", "recovered", "success", "95 % CI", "score"};
  t.text_columns = 3;
  std::set<std::string> faults;
  for (const auto& r : s.records) faults.insert(r.fault);
  for (const auto& fault : faults) {
    for (const auto& e : s.entrants) {
      records mine;
      for (const auto* r : e.judged_ones()) {
        if (r->fault == fault) mine.push_back(r);
      }
      if (mine.empty()) continue;
      const auto c = count(mine);
      t.rows.push_back({short_name(fault), e.name, kind_of(e), number(c.n), number(c.recovered),
                        spell_share(c.share()), spell_interval(c.ci()), spell_number(c.score, 3)});
    }
  }
  return t;
}

report_table times_table(const study& s) {
  report_table t;
  t.title = "Time";
  t.notes = {
      "TTR: from the incident to the end of the remedy that was verified, of recovered "
      "experiments; median (90th percentile). Model, tool and line: mean per experiment; "
      "in line is the wait for a free process, this benchmark's own doing. Wall times only "
      "where tools were real."};
  t.columns = {"method/model",    "TTR virtual s",  "TTR wall s",
               "model virtual s", "model wall s",   "tool virtual s",
               "tool wall s",     "in line wall s", "wall s"};
  for (const auto& e : s.entrants) {
    const auto mine = e.judged_ones();
    if (mine.empty()) continue;
    auto spread = [&](double record::*field) {
      const auto all = known(mine, field);
      if (all.empty()) return std::string("–");
      return spell_number(quantile(all, 0.5), 1) + " (" + spell_number(quantile(all, 0.9), 1) + ")";
    };
    const auto n = static_cast<double>(mine.size());
    const bool real = !known(mine, &record::wall_s).empty();
    auto average = [&](double record::*field, bool wall) {
      if (wall && !real) return std::string("–");
      return spell_number(sum(mine, field) / n, 2);
    };
    t.rows.push_back({e.name, spread(&record::ttr_s), spread(&record::ttr_wall_s),
                      average(&record::model_s, false), average(&record::model_wall_s, true),
                      average(&record::tool_s, false), average(&record::tool_wall_s, true),
                      average(&record::line_wall_s, true),
                      spell_number(mean(known(mine, &record::wall_s)), 2)});
  }
  return t;
}

report_table money_table(const study& s) {
  report_table t;
  t.title = "Tokens and money";
  t.columns = {"method/model", "kind",       "calls",           "tokens in",
               "tokens out",   "USD in all", "USD per recovery"};
  t.text_columns = 2;
  for (const auto& e : s.entrants) {
    const bool priced = known(e.all, &record::cost_usd).size() == e.all.size();
    const auto cost = priced ? sum(e.all, &record::cost_usd) : -1;
    const auto c = count(e.judged_ones());
    const auto each = c.recovered == 0 ? std::string("–")
                      : cost < 0       ? std::string("?")
                                       : spell_usd(cost / static_cast<double>(c.recovered));
    t.rows.push_back({e.name, kind_of(e), number(sum(e.all, &record::model_calls)),
                      number(sum(e.all, &record::tokens_in)),
                      number(sum(e.all, &record::tokens_out)), spell_usd(cost), each});
  }
  return t;
}

report_table flags_table(const study& s) {
  report_table t;
  t.title = "Flags";
  std::set<std::string> flags;
  for (const auto& r : s.records) flags.insert(r.flags.begin(), r.flags.end());
  if (flags.empty()) {
    t.notes = {"None: nobody did what no SRE would accept."};
    return t;
  }
  t.columns = {"method/model", "kind"};
  t.columns.insert(t.columns.end(), flags.begin(), flags.end());
  t.text_columns = 2;
  for (const auto& e : s.entrants) {
    std::vector<std::string> row{e.name, kind_of(e)};
    for (const auto& flag : flags) {
      row.push_back(number(std::count_if(e.all.begin(), e.all.end(), [&](const record* r) {
        return std::count(r->flags.begin(), r->flags.end(), flag) > 0;
      })));
    }
    t.rows.push_back(std::move(row));
  }
  return t;
}

report_table endings_table(const study& s) {
  report_table t;
  t.title = "How they ended";
  t.columns = {"method/model", "kind"};
  t.text_columns = 2;
  std::set<outcome_kind> kinds;
  for (const auto& r : s.records) kinds.insert(r.outcome);
  for (const auto kind : kinds) t.columns.push_back(std::string(to_string(kind)));
  for (const auto& e : s.entrants) {
    std::vector<std::string> row{e.name, kind_of(e)};
    for (const auto kind : kinds) {
      row.push_back(number(std::count_if(e.all.begin(), e.all.end(),
                                         [&](const record* r) { return r->outcome == kind; })));
    }
    t.rows.push_back(std::move(row));
  }
  return t;
}

report_table not_judged_table(const study& s) {
  constexpr std::size_t most = 20;
  report_table t;
  t.title = "Not judged";
  t.columns = {"experiment", "outcome", "why"};
  t.text_columns = 3;
  std::size_t found = 0;
  for (const auto& r : s.records) {
    if (judged(r.outcome, r.detail) || ++found > most) continue;
    t.rows.push_back({r.id, std::string(to_string(r.outcome)), r.detail});
  }
  if (found > most) t.notes = {std::to_string(found) + " in all; the first 20:"};
  return t;
}

report_table verdicts_table(const study& s) {
  report_table t;
  t.title = "MicroRemed's verdict beside the sound one";
  t.columns = {"method/model",       "n",      "both recovered", "only MicroRemed's",
               "only the sound one", "neither"};
  for (const auto& e : s.entrants) {
    std::int64_t n = 0, both = 0, peer = 0, sound = 0;
    for (const auto* r : e.judged_ones()) {
      if (r->peer_verdict.empty() || r->sound_verdict.empty()) continue;
      const bool theirs = r->peer_verdict == "recovered", ours = r->sound_verdict == "recovered";
      ++n;
      both += theirs && ours;
      peer += theirs && !ours;
      sound += !theirs && ours;
    }
    if (n == 0) continue;
    t.rows.push_back({e.name, number(n), number(both), number(peer), number(sound),
                      number(n - both - peer - sound)});
  }
  if (!t.rows.empty()) t.notes = {"Of the last trial of each experiment."};
  return t;
}

report_table ranking_table(const std::string& title, const ranking& r) {
  report_table t;
  t.title = title;
  t.columns = {"rank",    "method/model", "kind",  "n",      "recovered",
               "success", "95 % CI",      "score", "flagged"};
  t.text_columns = 3;
  if (r.scenarios.empty()) {
    std::string who;
    for (const auto& place : r.places) who += (who.empty() ? "" : ", ") + place.who->name;
    t.notes = {"Not ranked: no scenario was faced by all of " + who + "."};
    return t;
  }
  if (!r.complete()) {
    t.notes = {"Ranked on the " + std::to_string(r.scenarios.size()) + " scenarios of " +
               std::to_string(r.all_scenarios) + " that all models were judged on."};
  }
  for (const auto& place : r.places) {
    const auto& c = place.common;
    t.rows.push_back({place.rank > 0 ? std::to_string(place.rank) : "–", place.who->name,
                      kind_of(*place.who), number(c.n), number(c.recovered), spell_share(c.share()),
                      spell_interval(c.ci()), spell_number(c.score, 3), number(c.flagged)});
  }
  return t;
}

} // namespace remed::experiments

#include "experiments/results/study.hpp"

#include <algorithm>
#include <filesystem>
#include <tuple>

namespace remed::experiments {

namespace {

/// What must be equal for two results to be comparable, in words.
std::vector<std::string> conditions_of(const record& r) {
  return {r.tools.empty() ? "" : r.tools + " tools", r.visibility,
          r.t_max > 0 ? "T_max " + std::to_string(r.t_max) : "",
          r.verdict.empty() ? "" : r.verdict + " verdict",
          r.score_version > 0 ? "score " + std::to_string(r.score_version) : ""};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) {
    if (!word.empty()) out += (out.empty() ? "" : ", ") + word;
  }
  return out;
}

std::string short_name(const std::string& name_or_file) {
  return std::filesystem::path(name_or_file).stem().string();
}

/// Names tell entrants apart: conditions that differ become part of them.
void name_entrants(std::vector<entrant>& all) {
  std::vector<std::set<std::string>> seen;
  for (const auto& e : all) {
    const auto words = conditions_of(*e.all.front());
    seen.resize(words.size());
    for (std::size_t i = 0; i < words.size(); ++i) seen[i].insert(words[i]);
  }
  for (auto& e : all) {
    auto words = conditions_of(*e.all.front());
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (seen[i].size() < 2) words[i].clear();
    }
    const auto differing = joined(words);
    e.name = short_name(e.method) + "/" + short_name(e.model) +
             (differing.empty() ? "" : " [" + differing + "]");
  }
}

bool success(const record& r) {
  return r.outcome == outcome_kind::recovered;
}

using by_scenario = std::map<std::string, const record*>;

by_scenario judged_scenarios(const entrant& e, const std::string& system,
                             const std::string& suite) {
  by_scenario out;
  for (const auto* r : e.judged_ones()) {
    if (!system.empty() && (r->system != system || r->suite != suite)) continue;
    out[r->system + "/" + r->scenario] = r;
  }
  return out;
}

pairing pair_of(const entrant& a, const entrant& b) {
  pairing out{&a, &b};
  const auto first = judged_scenarios(a, {}, {}), second = judged_scenarios(b, {}, {});
  for (const auto& [scenario, r] : first) {
    const auto other = second.find(scenario);
    if (other == second.end()) continue;
    ++out.n;
    const bool one = success(*r), two = success(*other->second);
    out.both += one && two;
    out.only_first += one && !two;
    out.only_second += !one && two;
  }
  return out;
}

void give_ranks(ranking& out) {
  std::stable_sort(out.places.begin(), out.places.end(), [](const auto& a, const auto& b) {
    return std::make_tuple(-a.common.share(), -a.common.score) <
           std::make_tuple(-b.common.share(), -b.common.score);
  });
  int seen = 0, rank = 0;
  const tally* before = nullptr;
  for (auto& place : out.places) {
    if (place.who->policy) continue;
    ++seen;
    const bool tie = before != nullptr && before->recovered == place.common.recovered &&
                     before->score == place.common.score;
    if (!tie) rank = seen;
    place.rank = rank;
    before = &place.common;
  }
}

} // namespace

std::vector<const record*> entrant::judged_ones() const {
  std::vector<const record*> out;
  for (const auto* r : all) {
    if (judged(r->outcome, r->detail)) out.push_back(r);
  }
  return out;
}

std::string kind_of(const entrant& e) {
  if (!e.policy) return "model";
  if (e.model == "runbook") return "policy (ceiling)";
  return e.model == "noop" ? "policy (floor)" : "policy";
}

tally count(const std::vector<const record*>& records) {
  tally out;
  for (const auto* r : records) {
    ++out.n;
    out.recovered += success(*r);
    out.flagged += !r->flags.empty();
    out.score += r->score;
    out.trials += r->trials;
  }
  if (out.n == 0) return out;
  out.score /= static_cast<double>(out.n);
  out.trials /= static_cast<double>(out.n);
  return out;
}

study make_study(std::vector<record> records) {
  study out;
  auto key_of = [](const record& r) {
    return std::make_tuple(r.method, r.model, joined(conditions_of(r)));
  };
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, std::size_t>
      places;
  for (auto& r : records) {
    const auto [method, model, conditions] = key_of(r);
    const auto [at, fresh] =
        places.try_emplace({method, model, conditions, r.system, r.scenario}, out.records.size());
    if (fresh) {
      out.records.push_back(std::move(r));
    } else {
      out.records[at->second] = std::move(r);
      ++out.replaced;
    }
  }
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> known;
  for (const auto& r : out.records) {
    const auto [at, fresh] = known.try_emplace(key_of(r), out.entrants.size());
    if (fresh) {
      entrant e;
      e.method = r.method;
      e.model = r.model;
      e.policy = r.policy;
      e.conditions = std::get<2>(key_of(r));
      out.entrants.push_back(std::move(e));
    }
    out.entrants[at->second].all.push_back(&r);
  }
  name_entrants(out.entrants);
  return out;
}

std::vector<pairing> pair_up(const study& s) {
  std::vector<pairing> out;
  for (std::size_t a = 0; a < s.entrants.size(); ++a) {
    for (std::size_t b = a + 1; b < s.entrants.size(); ++b) {
      auto p = pair_of(s.entrants[a], s.entrants[b]);
      if (p.n > 0) out.push_back(p);
    }
  }
  return out;
}

ranking rank(const study& s, const std::string& system, const std::string& suite, bool alike) {
  ranking out;
  std::vector<by_scenario> theirs;
  bool models = false;
  for (const auto& e : s.entrants) {
    auto mine = judged_scenarios(e, system, suite);
    if (mine.empty()) continue;
    models = models || !e.policy;
    out.places.push_back({0, &e, {}, static_cast<std::int64_t>(mine.size())});
    theirs.push_back(std::move(mine));
  }
  std::map<std::string, std::size_t> seen;
  std::size_t counting = 0;
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    if (models && !alike && out.places[i].who->policy) continue;
    ++counting;
    for (const auto& [scenario, r] : theirs[i]) ++seen[scenario];
  }
  out.all_scenarios = seen.size();
  for (const auto& [scenario, times] : seen) {
    if (times == counting) out.scenarios.insert(scenario);
  }
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    std::vector<const record*> common;
    for (const auto& scenario : out.scenarios) {
      const auto at = theirs[i].find(scenario);
      if (at != theirs[i].end()) common.push_back(at->second);
    }
    out.places[i].common = count(common);
  }
  if (!out.scenarios.empty()) give_ranks(out);
  return out;
}

std::optional<double> pass_over_seeds(const std::vector<const record*>& records, std::int64_t k) {
  struct tries {
    std::int64_t n = 0, successes = 0;
  };
  std::map<std::tuple<std::string, std::string, std::uint32_t, std::string>, tries> positions;
  for (const auto* r : records) {
    auto& t = positions[{r->system, r->suite, r->position, r->fault}];
    ++t.n;
    t.successes += success(*r);
  }
  std::vector<double> estimates;
  for (const auto& [position, t] : positions) {
    const auto p = pass_at_k(t.n, t.successes, k);
    if (!p) return std::nullopt;
    estimates.push_back(*p);
  }
  return mean(estimates);
}

} // namespace remed::experiments

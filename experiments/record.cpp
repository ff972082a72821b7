#include "experiments/record.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iomanip>
#include <map>
#include <sstream>
#include <system_error>

namespace remed::experiments {

namespace fs = std::filesystem;

record make_record(const experiment_spec& spec, const episode_result& ended) {
  record r;
  r.id = spec.id;
  r.scenario = spec.scenario;
  r.suite = spec.suite;
  r.position = spec.position;
  r.system = spec.system;
  r.fault = spec.fault;
  r.target = spec.target;
  r.method = spec.method;
  r.model = spec.model;
  r.seed = spec.seed;
  settle(r, ended);
  return r;
}

void settle(record& r, const episode_result& ended) {
  r.outcome = ended.outcome;
  r.detail = ended.detail;
  r.flags = ended.flags;
  r.score = ended.score;
  r.trials = ended.trials;
  r.downtime_s = ended.downtime_s;
  r.restarts = ended.restarts;
  r.writes = ended.writes;
  r.virtual_s = ended.virtual_s;
  r.model_calls = ended.spent.model_calls;
  r.tokens_in = ended.spent.tokens.input;
  r.tokens_out = ended.spent.tokens.output;
  r.tokens = r.tokens_in + r.tokens_out;
  r.cost_usd = ended.spent.cost_usd;
  r.clean = ended.clean;
}

bool judged(outcome_kind outcome, const std::string& detail) {
  switch (outcome) {
    case outcome_kind::injection_failed:
    case outcome_kind::infra_error:
    case outcome_kind::cancelled:
      return false;
    case outcome_kind::budget_exhausted:
      return detail != "money";
    default:
      return true;
  }
}

json bench_document(const std::vector<record>& records) {
  json document = json::object();
  document["schema"] = "remed.bench/1";
  document["experiments"] = records;
  json outcomes = json::object();
  for (const auto& r : records) {
    auto& count = outcomes[std::string(to_string(r.outcome))];
    count = count.is_null() ? 1 : count.get<int>() + 1;
  }
  json summary = json::object();
  summary["n"] = records.size();
  summary["outcomes"] = std::move(outcomes);
  document["summary"] = std::move(summary);
  return document;
}

std::string summary_table(const std::vector<record>& records) {
  struct row {
    int n = 0, recovered = 0, flagged = 0, not_judged = 0;
    double score = 0, trials = 0, downtime = 0;
  };
  std::map<std::string, row> rows;
  for (const auto& r : records) {
    auto& line = rows[r.system + " " + r.suite + " " + r.method + "/" + r.model];
    if (!judged(r.outcome, r.detail)) {
      ++line.not_judged;
      continue;
    }
    ++line.n;
    line.recovered += r.outcome == outcome_kind::recovered;
    line.flagged += !r.flags.empty();
    line.score += r.score;
    line.trials += r.trials;
    line.downtime += r.downtime_s;
  }
  std::ostringstream out;
  out << std::left << std::setw(52) << "RESULT" << std::right << std::setw(5) << "n"
      << std::setw(11) << "recovered" << std::setw(9) << "flagged" << std::setw(8) << "score"
      << std::setw(8) << "trials" << std::setw(12) << "downtime s" << std::setw(12) << "not judged"
      << '\n'
      << std::fixed;
  for (const auto& [name, line] : rows) {
    const double n = std::max(1, line.n);
    out << std::left << std::setw(52) << name << std::right << std::setw(5) << line.n
        << std::setw(11) << line.recovered << std::setw(9) << line.flagged << std::setprecision(3)
        << std::setw(8) << line.score / n << std::setprecision(1) << std::setw(8) << line.trials / n
        << std::setw(12) << line.downtime / n << std::setw(12) << line.not_judged << '\n';
  }
  return out.str();
}

result<void> write_file(const fs::path& file, const std::string& text) {
  std::error_code ec;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), ec);
  const auto fresh = file.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return failure{errc::failed, file.string() + ": " + std::strerror(errno)};
  }
  fs::rename(fresh, file, ec);
  if (ec) return failure{errc::failed, file.string() + ": " + ec.message()};
  return {};
}

} // namespace remed::experiments

#include "experiments/results/documents.hpp"

#include "experiments/results/report_tables.hpp"

#include <cstdio>
#include <sstream>

namespace remed::experiments {

namespace {

json document_of(const tally& c) {
  json out = json::object();
  out["n"] = c.n;
  out["recovered"] = c.recovered;
  out["flagged"] = c.flagged;
  if (c.n == 0) return out;
  out["success"] = c.share();
  out["ci95"] = {c.ci().low, c.ci().high};
  out["score"] = c.score;
  out["trials"] = c.trials;
  return out;
}

json document_of(const entrant& e) {
  json out = json::object();
  out["name"] = e.name;
  out["method"] = e.method;
  out["model"] = e.model;
  out["kind"] = kind_of(e);
  out["policy"] = e.policy;
  out["conditions"] = e.conditions;
  out["total"] = document_of(count(e.judged_ones()));
  out["not_judged"] = e.all.size() - e.judged_ones().size();
  json pass = json::object();
  for (const auto k : {1, 2, 3, 5, 10}) {
    if (const auto p = pass_over_seeds(e.judged_ones(), k)) pass[std::to_string(k)] = *p;
  }
  out["pass_at"] = std::move(pass);
  std::map<std::string, std::vector<const record*>> cells;
  for (const auto* r : e.judged_ones()) cells[r->system + "\n" + r->suite].push_back(r);
  out["cells"] = json::array();
  for (const auto& [name, records] : cells) {
    auto cell = document_of(count(records));
    cell["system"] = records.front()->system;
    cell["suite"] = records.front()->suite;
    out["cells"].push_back(std::move(cell));
  }
  return out;
}

json document_of(const pairing& p) {
  json out = json::object();
  out["first"] = p.first->name;
  out["second"] = p.second->name;
  out["scenarios"] = p.n;
  out["both"] = p.both;
  out["only_first"] = p.only_first;
  out["only_second"] = p.only_second;
  out["difference"] = p.difference();
  out["p"] = p.p();
  return out;
}

json document_of(const ranking& r, const std::string& system, const std::string& suite) {
  json out = json::object();
  out["system"] = system;
  out["suite"] = suite;
  out["common_scenarios"] = r.scenarios.size();
  out["all_scenarios"] = r.all_scenarios;
  out["places"] = json::array();
  if (r.scenarios.empty()) return out;
  for (const auto& place : r.places) {
    auto row = document_of(place.common);
    row["name"] = place.who->name;
    row["kind"] = kind_of(*place.who);
    row["rank"] = place.rank > 0 ? json(place.rank) : json();
    row["judged"] = place.judged;
    out["places"].push_back(std::move(row));
  }
  return out;
}

std::string csv_cell(const json& value) {
  std::string text;
  if (value.is_string())
    text = value.get<std::string>();
  else if (value.is_array() && (value.empty() || value[0].is_string()))
    for (const auto& one : value) text += (text.empty() ? "" : " ") + one.get<std::string>();
  else
    text = dump(value);
  // A spreadsheet would run what begins like a formula.
  if (value.is_string() && !text.empty() &&
      std::string("=+-@\t\r").find(text[0]) != std::string::npos) {
    text.insert(0, "'");
  }
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

/// XML 1.0 has no control characters but these three, not even escaped.
std::string xml_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
    else
      out += c == '\n' || c == '\t' || c == '\r' ? "&#" + std::to_string(c) + ";" : " ";
  }
  return out;
}

void junit_case(std::ostream& out, const record& r, const std::string& suite) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", r.wall_s >= 0 ? r.wall_s : r.virtual_s);
  out << "    <testcase name=\"" << xml_text(r.scenario) << "\" classname=\"" << xml_text(suite)
      << "\" time=\"" << seconds << "\"";
  const auto outcome = std::string(to_string(r.outcome));
  const auto message = xml_text(outcome + (r.detail.empty() ? "" : ": " + r.detail));
  if (r.outcome == outcome_kind::recovered)
    out << "/>\n";
  else if (!judged(r.outcome, r.detail))
    out << "><skipped message=\"" << message << "\"/></testcase>\n";
  else
    out << "><failure type=\"" << outcome << "\" message=\"" << message << "\">"
        << xml_text(r.failing) << "</failure></testcase>\n";
}

} // namespace

json report_document(const std::vector<bench_results>& benches, const study& s) {
  json out = json::object();
  out["schema"] = "remed.report/1";
  out["benches"] = json::array();
  for (const auto& b : benches) {
    auto about = json(b.manifest);
    about.erase("plan");
    about["folder"] = b.folder.filename().string();
    about["planned"] = b.entries.size();
    std::size_t finished = 0;
    for (const auto& e : b.entries) finished += e.state == entry_state::finished;
    about["finished"] = finished;
    out["benches"].push_back(std::move(about));
  }
  out["entrants"] = json::array();
  for (const auto& e : s.entrants) out["entrants"].push_back(document_of(e));
  out["pairs"] = json::array();
  for (const auto& p : pair_up(s)) out["pairs"].push_back(document_of(p));
  out["rankings"] = json::array();
  const auto groups = groups_of(s);
  if (groups.size() > 1) out["rankings"].push_back(document_of(rank(s), "", ""));
  for (const auto& [system, suite] : groups) {
    out["rankings"].push_back(document_of(rank(s, system, suite), system, suite));
  }
  out["experiments"] = s.records;
  return out;
}

std::string to_csv(const std::vector<bench_results>& benches) {
  std::ostringstream out;
  out << "bench,state,attempts";
  const json columns = record{};
  for (const auto& [name, value] : columns.items()) out << ',' << name;
  out << "\r\n";
  for (const auto& b : benches) {
    for (const auto& e : b.entries) {
      out << csv_cell(json(b.folder.filename().string())) << ',' << to_string(e.state) << ','
          << e.attempts;
      const json fields = e.what;
      for (const auto& [name, value] : fields.items()) out << ',' << csv_cell(value);
      out << "\r\n";
    }
  }
  return out.str();
}

std::string to_junit(const study& s) {
  std::ostringstream out;
  out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"remed\">\n";
  for (const auto& [system, suite] : groups_of(s)) {
    for (const auto& e : s.entrants) {
      std::ostringstream cases;
      std::size_t n = 0, failures = 0, skipped = 0;
      const auto name = system + "." + suite + "." + e.name;
      for (const auto* r : e.all) {
        if (r->system != system || r->suite != suite) continue;
        ++n;
        const bool counts = judged(r->outcome, r->detail);
        skipped += !counts;
        failures += counts && r->outcome != outcome_kind::recovered;
        junit_case(cases, *r, name);
      }
      if (n == 0) continue;
      out << "  <testsuite name=\"" << xml_text(name) << "\" tests=\"" << n << "\" failures=\""
          << failures << "\" errors=\"0\" skipped=\"" << skipped << "\">\n"
          << cases.str() << "  </testsuite>\n";
    }
  }
  out << "</testsuites>\n";
  return out.str();
}

} // namespace remed::experiments

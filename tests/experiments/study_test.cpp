#include "experiments/results/study.hpp"

#include "experiments/results/documents.hpp"
#include "experiments/results/report.hpp"
#include "tests/experiments/results_support.hpp"

using namespace remed;
using namespace remed::experiments;
using namespace remed::test;

namespace {

/// Ten scenarios: who is a success where, as a row of + and -, * for infrastructure.
std::vector<record> row(const std::string& model, const std::string& marks) {
  std::vector<record> out;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    out.push_back(result_of(model, static_cast<std::uint32_t>(i + 1), marks[i] == '+'));
    if (marks[i] == '*') out.back().outcome = outcome_kind::infra_error;
  }
  return out;
}

study study_of(const std::vector<std::vector<record>>& rows) {
  std::vector<record> all;
  for (const auto& r : rows) all.insert(all.end(), r.begin(), r.end());
  return make_study(std::move(all));
}

const report_table* table_of(const report& r, const std::string& title) {
  for (const auto& t : r.tables) {
    if (t.title == title) return &t;
  }
  return nullptr;
}

} // namespace

TEST_CASE("infrastructure failures are shown, and count in no share") {
  const auto s = study_of({row("a", "++-**")});
  const auto c = count(s.entrants[0].judged_ones());
  CHECK_EQ(c.n, 3);
  CHECK_EQ(c.recovered, 2);
  const auto r = make_report({}, s);
  const auto* success = table_of(r, "Success");
  REQUIRE(success);
  CHECK_EQ(success->rows[0][4], "3");
  CHECK_EQ(success->rows[0].back(), "2");
  CHECK_EQ(table_of(r, "Not judged")->rows.size(), 2);
}

TEST_CASE("pairs are made on the scenarios that both were judged on") {
  const auto s = study_of({row("a", "+++--*+"), row("b", "+--+-+")});
  const auto pairs = pair_up(s);
  REQUIRE_EQ(pairs.size(), 1);
  const auto& p = pairs[0];
  CHECK_EQ(p.n, 5);
  CHECK_EQ(p.both, 1);
  CHECK_EQ(p.only_first, 2);
  CHECK_EQ(p.only_second, 1);
  CHECK_EQ(p.difference(), doctest::Approx(0.2));
  CHECK_EQ(p.p(), 1.0); // 2 P(X <= 1), X ~ Binomial(3, 1/2), is 1
}

TEST_CASE("ranks come from common scenarios only, and what is missing is said") {
  const auto s = study_of({row("a", "++++++"), row("b", "++-"), row("runbook", "++++++")});
  const auto r = rank(s);
  CHECK_EQ(r.scenarios.size(), 3);
  CHECK_EQ(r.all_scenarios, 6);
  REQUIRE_EQ(r.places.size(), 3);
  for (const auto& place : r.places) {
    CHECK_EQ(place.common.n, 3);
    if (place.who->model == "a") CHECK_EQ(place.rank, 1);
    if (place.who->model == "b") CHECK_EQ(place.rank, 2);
    if (place.who->policy) CHECK_EQ(place.rank, 0);
  }
  const auto board = make_board({}, s);
  CHECK_NE(board.tables[0].notes.at(0).find("Ranked on the 3 scenarios of 6"), std::string::npos);
  const auto whole = make_report({}, s);
  const auto* success = table_of(whole, "Success");
  REQUIRE_EQ(success->notes.size(), 2);
  CHECK_NE(success->notes[1].find("thinkremed/b on 3"), std::string::npos);
}

TEST_CASE("who has no scenario in common is not ranked") {
  auto other = row("b", "+++");
  for (auto& r : other) r.scenario += "-elsewhere";
  const auto s = study_of({row("a", "---"), other});
  CHECK(rank(s).scenarios.empty());
  const auto board = make_board({}, s);
  CHECK(board.tables[0].rows.empty());
  CHECK_NE(board.tables[0].notes.at(0).find("Not ranked"), std::string::npos);
}

TEST_CASE("equal results share a rank") {
  const auto s = study_of({row("a", "++-"), row("b", "+-+"), row("c", "---")});
  const auto r = rank(s);
  CHECK_EQ(r.places[0].rank, 1);
  CHECK_EQ(r.places[1].rank, 1);
  CHECK_EQ(r.places[2].rank, 3);
}

TEST_CASE("under other conditions a model is another entrant, and its name says so") {
  auto other = row("a", "---");
  for (auto& r : other) r.t_max = 2;
  const auto s = study_of({row("a", "+++"), other});
  REQUIRE_EQ(s.entrants.size(), 2);
  CHECK_EQ(s.entrants[0].name, "thinkremed/a [T_max 7]");
  CHECK_EQ(s.entrants[1].name, "thinkremed/a [T_max 2]");
  CHECK_EQ(s.replaced, 0);
}

TEST_CASE("of several results of the same entrant on the same scenario the last counts") {
  const auto s = study_of({row("a", "---"), row("a", "+")});
  CHECK_EQ(s.records.size(), 3);
  CHECK_EQ(s.replaced, 1);
  CHECK_EQ(count(s.entrants[0].judged_ones()).recovered, 1);
}

TEST_CASE("pass@k is over the seeds of each position") {
  std::vector<record> all;
  // Position 1: 2 of 3 seeds; position 2: 0 of 3.
  for (std::uint64_t seed : {1, 2, 3}) {
    all.push_back(result_of("a", 1, seed != 3, seed));
    all.push_back(result_of("a", 2, false, seed));
  }
  const auto s = make_study(all);
  const auto mine = s.entrants[0].judged_ones();
  CHECK_EQ(*pass_over_seeds(mine, 1), doctest::Approx((2.0 / 3 + 0) / 2));
  CHECK_EQ(*pass_over_seeds(mine, 2), doctest::Approx((1.0 + 0) / 2)); // 1 - C(1,2)/C(3,2) = 1
  CHECK_FALSE(pass_over_seeds(mine, 4));
}

TEST_CASE("policies are labelled as what they are, never as models") {
  const auto s = study_of({row("runbook", "+"), row("noop", "-"), row("qwen", "+")});
  CHECK_EQ(kind_of(s.entrants[0]), "policy (ceiling)");
  CHECK_EQ(kind_of(s.entrants[1]), "policy (floor)");
  CHECK_EQ(kind_of(s.entrants[2]), "model");
}

TEST_CASE("an unknown cost is a question mark, never nothing") {
  auto rows = row("a", "++");
  rows[0].cost_usd = -1;
  rows[1].cost_usd = 0.5;
  const auto report = make_report({}, study_of({rows}));
  const auto* money = table_of(report, "Tokens and money");
  CHECK_EQ(money->rows[0][5], "?");
  CHECK_EQ(money->rows[0][6], "?");
}

TEST_CASE("what somebody wrote stays text in every format") {
  auto rows = row("a", "-");
  rows[0].outcome = outcome_kind::infra_error;
  rows[0].detail = "<img src=x onerror=alert(1)> | \"a\" & b\x01\n=1+1";
  const auto s = study_of({rows});
  const auto html = to_html(make_report({}, s));
  CHECK_EQ(html.find("<img"), std::string::npos);
  CHECK_NE(html.find("&lt;img src=x onerror=alert(1)&gt;"), std::string::npos);
  CHECK_EQ(html.find("<script"), std::string::npos);
  CHECK_EQ(html.find("http"), html.find("http-equiv")); // nothing is loaded from anywhere
  const auto md = to_markdown(make_report({}, s));
  CHECK_EQ(md.find("<img"), std::string::npos);
  CHECK_NE(md.find("\\| \"a\" &amp; b"), std::string::npos);
  const auto xml = to_junit(s);
  CHECK_EQ(xml.find("<img"), std::string::npos);
  CHECK_EQ(xml.find('\x01'), std::string::npos);
}

TEST_CASE("JUnit has failures for what was judged and skips what was not") {
  const auto xml = to_junit(study_of({row("a", "+-*")}));
  CHECK_NE(xml.find("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), std::string::npos);
}

#include "runtime/paths.hpp"
#include "tests/experiments/results_support.hpp"
#include "tests/support/scratch.hpp"

#include <fstream>

using namespace remed;
using namespace remed::experiments;
using namespace remed::test;

namespace fs = std::filesystem;

namespace {

fs::path log_of(const fs::path& folder, const record& r) {
  return folder / r.id / "events.jsonl";
}

std::vector<std::string> hashes(const std::vector<record>& records) {
  std::vector<std::string> out;
  for (const auto& r : records) out.push_back(r.log_hash);
  return out;
}

/// Cuts a log off in the middle of a line, as a death would.
void tear(const fs::path& log) {
  const auto text = read_file(log);
  REQUIRE(text);
  const auto end = text->rfind('\n', text->size() / 2);
  std::ofstream(log, std::ios::binary) << text->substr(0, end + 20);
}

} // namespace

TEST_CASE("a resumed bench runs what was cut off, keeps its log aside, and nothing else") {
  scratch_folder folder;
  small_bench bench;
  const auto whole = bench.play(folder.path);
  REQUIRE_MESSAGE(whole.ok(), (whole ? "" : whole.why().what));
  CHECK_EQ(whole->at(0).outcome, outcome_kind::recovered);
  const auto kept_time = fs::last_write_time(log_of(folder.path, whole->at(0)));
  tear(log_of(folder.path, whole->at(1)));
  fs::remove_all(folder.path / whole->at(2).id);

  bench.sit.resume = true;
  const auto again = bench.play(folder.path);
  REQUIRE_MESSAGE(again.ok(), (again ? "" : again.why().what));
  CHECK(hashes(*again) == hashes(*whole));
  CHECK_EQ(fs::last_write_time(log_of(folder.path, whole->at(0))), kept_time);
  CHECK(fs::exists(folder.path / "attempts" / whole->at(1).id / "1" / "events.jsonl"));
  CHECK_FALSE(fs::exists(folder.path / "attempts" / whole->at(0).id));
  CHECK_FALSE(fs::exists(folder.path / "attempts" / whole->at(2).id));
}

TEST_CASE("the last event of an experiment's log is its result") {
  scratch_folder folder;
  small_bench bench;
  const auto done = bench.play(folder.path, 2);
  REQUIRE(done);
  for (const auto& r : *done) {
    const auto events = read_events(log_of(folder.path, r));
    REQUIRE(events);
    CHECK_EQ(events->back().type, "episode_result");
  }
}

TEST_CASE("an account read from the log is the one that was kept live") {
  scratch_folder folder;
  small_bench bench;
  const auto done = bench.play(folder.path, 3);
  REQUIRE(done);
  for (const auto& r : *done) {
    const auto read = read_account(log_of(folder.path, r));
    REQUIRE(read);
    CHECK(read->ended());
    CHECK_EQ(json(read->so_far()), json(r));
    CHECK_GT(r.ttr_s, 0);
    CHECK_EQ(r.ttr_wall_s, -1); // time is stepped: no wall time is known
    CHECK_GT(r.tool_s, 0);
    CHECK_GT(r.model_calls, 1);
  }
}

TEST_CASE("a bench that is not the same is not resumed, and the text names what differs") {
  scratch_folder folder;
  small_bench bench;
  REQUIRE(bench.play(folder.path, 1));
  bench.sit.resume = true;
  bench.conditions.visibility = "visible";
  const auto refused = bench.play(folder.path, 1);
  REQUIRE_FALSE(refused);
  CHECK_EQ(refused.why().code, errc::bad_input);
  CHECK_NE(refused.why().what.find("visibility: hidden in the manifest, now visible"),
           std::string::npos);
}

TEST_CASE("a folder that holds a bench is not written over, one that holds none is not resumed") {
  scratch_folder folder;
  small_bench bench;
  REQUIRE(bench.play(folder.path, 1));
  const auto again = bench.play(folder.path, 1);
  REQUIRE_FALSE(again);
  CHECK_NE(again.why().what.find("--resume"), std::string::npos);
  bench.sit.resume = true;
  CHECK_FALSE(bench.play(folder.path / "nowhere", 1));
}

TEST_CASE("an interrupted bench has nothing lost and nothing run twice when it is resumed") {
  scratch_folder folder, other;
  small_bench bench;
  bench.stop = true;
  const auto stopped = bench.play(folder.path);
  REQUIRE(stopped);
  bench.stop = false;
  bench.sit.resume = true;
  const auto resumed = bench.play(folder.path);
  REQUIRE(resumed);
  small_bench undisturbed;
  CHECK(hashes(*resumed) == hashes(*undisturbed.play(other.path)));
}

TEST_CASE("failed ones are run again only when asked to, recovered ones never") {
  scratch_folder folder;
  small_bench bench;
  bench.request.models = {"noop"};
  const auto first = bench.play(folder.path, 2);
  REQUIRE(first);
  CHECK_EQ(first->at(0).outcome, outcome_kind::not_recovered);
  bench.sit.resume = bench.sit.retry_infra = true;
  REQUIRE(bench.play(folder.path, 2));
  CHECK_FALSE(fs::exists(folder.path / "attempts"));
  bench.sit.retry_failed = true;
  const auto again = bench.play(folder.path, 2);
  REQUIRE(again);
  CHECK(fs::exists(folder.path / "attempts" / first->at(0).id / "1" / "events.jsonl"));
  CHECK(hashes(*again) == hashes(*first));
}

TEST_CASE("a deadline ends a suite, and what it cut off is run at the next sitting") {
  scratch_folder folder;
  small_bench bench;
  bench.sit.deadline_s = 1e-9;
  bench.request.seeds = {1, 2, 3, 4, 5, 6, 7, 8};
  const auto late = bench.play(folder.path, 180);
  REQUIRE(late);
  std::size_t cut = 0;
  for (const auto& r : *late) cut += r.outcome == outcome_kind::cancelled && r.detail == "deadline";
  CHECK_GT(cut, 0);
  for (const auto& r : *late) CHECK(r.outcome != outcome_kind::infra_error);
  CHECK(cut_short(late->back()));
}

TEST_CASE("who was cancelled alone stays so, who was cut short with the bench does not") {
  record r;
  r.outcome = outcome_kind::cancelled;
  r.detail = "on request";
  CHECK_FALSE(cut_short(r));
  r.detail = interrupted;
  CHECK(cut_short(r));
  r.outcome = outcome_kind::budget_exhausted;
  r.detail = "money";
  CHECK(cut_short(r));
  r.detail = "cost"; // the experiment's own limit
  CHECK_FALSE(cut_short(r));
}

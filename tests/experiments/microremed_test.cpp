#include "experiments/results/microremed.hpp"

#include "runtime/paths.hpp"
#include "tests/experiments/results_support.hpp"
#include "tests/support/scratch.hpp"

#include <algorithm>

using namespace remed;
using namespace remed::experiments;
using namespace remed::test;

namespace fs = std::filesystem;

TEST_CASE("a conversation in MicroRemed's shape has every message once, in order") {
  scratch_folder folder;
  small_bench bench;
  const auto done = bench.play(folder.path, 1);
  REQUIRE(done);
  const auto doc = conversation_document(folder.path / done->at(0).id);
  REQUIRE(doc);
  const auto& about = (*doc)["metadata"];
  CHECK_EQ(about["final_status"], "success");
  CHECK_EQ(about["retries"], 1);
  CHECK_EQ(about["root_cause"], done->at(0).target);
  CHECK_GT(about["token_count"].get<int>(), 0);
  CHECK_GE(about["remediation_time"].get<double>(), done->at(0).ttr_s);
  const auto& said = (*doc)["conversation"];
  REQUIRE_GE(said.size(), 5);
  CHECK_EQ(said[0]["role"], "system");
  CHECK_EQ(said[1]["role"], "user");
  CHECK_EQ(said.back()["role"], "assistant"); // the submission, which no request repeats
  CHECK_EQ(said.back()["tool_calls"][0]["function"]["name"], "submit_playbook");
  std::size_t replies = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    replies += said[i]["role"] == "assistant";
    if (said[i]["role"] != "tool") continue;
    CHECK_EQ(said[i]["tool_call_id"], said[i - 1]["tool_calls"][0]["id"]);
  }
  CHECK_EQ(static_cast<std::int64_t>(replies), done->at(0).model_calls);
}

TEST_CASE("MicroRemed's files and figures are those of the bench") {
  scratch_folder folder, saved;
  small_bench bench;
  bench.request.models = {"runbook", "noop"};
  auto m = make_manifest(bench.request, bench.conditions);
  REQUIRE(m);
  const auto done = bench.play(folder.path, 25); // 23 of the one, 2 of the other
  REQUIRE(done);
  const auto read = read_bench(folder.path);
  REQUIRE(read);
  REQUIRE(save_conversations({*read}, saved.path));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(saved.path)) {
    const auto name = entry.path().filename().string();
    files += name != "summary.json";
    if (name == "summary.json") continue;
    CHECK_EQ(std::count(name.begin(), name.end(), '_'), 2); // TARGET_FAULT_TIME.json
  }
  CHECK_EQ(files, 25);
  const auto summary = parse_json(*read_file(saved.path / "summary.json"));
  REQUIRE(summary);
  CHECK_EQ((*summary)["total_experiments"], 25);
  CHECK_EQ((*summary)["successful_remediations"], 23);
  CHECK_EQ((*summary)["success_rate"].get<double>(), doctest::Approx(23.0 / 25));
  CHECK_EQ((*summary)["average_attempts_per_success"], 1.0);
  CHECK_EQ((*summary)["success_ratio_by_failure_type"]["memory-stress"], 1.0);
}

TEST_CASE("with MicroRemed's verdict both verdicts are recorded, and which one decided") {
  scratch_folder folder;
  small_bench bench;
  bench.conditions.verdict = "microremed";
  auto m = make_manifest(bench.request, bench.conditions);
  REQUIRE(m);
  m->plan.resize(2);
  auto opened = open(folder.path, *m, bench.sit);
  REQUIRE(opened);
  settings how;
  how.tools = tool_kind::inprocess;
  how.verdict = verdict_kind::microremed;
  const auto done = run(*opened, how, bench.sit, bench.stop);
  REQUIRE(done);
  for (const auto& r : *done) {
    CHECK_EQ(r.verdict, "microremed");
    CHECK_EQ(r.outcome, outcome_kind::recovered);
    CHECK_EQ(r.peer_verdict, "recovered");
    CHECK_EQ(r.sound_verdict, "recovered");
  }
}

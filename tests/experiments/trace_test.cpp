// Replay, fork and diff of recorded experiments.
#include "experiments/bench.hpp"
#include "experiments/trace_replay.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>

using namespace remed;
using namespace remed::experiments;

namespace {

namespace fs = std::filesystem;

class folder {
public:
  folder() {
    auto name = (fs::temp_directory_path() / "remed-trace-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~folder() { fs::remove_all(path); }
  folder(const folder&) = delete;
  fs::path path;
};

/// Runs one in-process experiment and reads its recording.
recording record_one(const fs::path& out, const std::string& fault, const std::string& model,
                     std::uint64_t seed = 1, std::uint32_t t_max = 2) {
  auto spec = plan_one("simple-micro", fault, "thinkremed", model, seed);
  REQUIRE(spec);
  settings how;
  how.tools = tool_kind::inprocess;
  how.t_max = t_max;
  how.out = out;
  const std::atomic<bool> stop{false};
  auto done = run_all({*spec}, how, stop, {}, {});
  REQUIRE(done);
  auto read = read_recording(out / spec->id);
  REQUIRE_MESSAGE(read.ok(), (read ? "" : read.why().what));
  return std::move(*read);
}

replayed again(const recording& r) {
  auto done = replay(r);
  REQUIRE_MESSAGE(done.ok(), (done ? "" : done.why().what));
  return std::move(*done);
}

const event& last_of(const recording& r, const std::string& type) {
  const auto at = std::find_if(r.events.rbegin(), r.events.rend(),
                               [&](const event& e) { return e.type == type; });
  REQUIRE(at != r.events.rend());
  return *at;
}

} // namespace

TEST_CASE("a replay from the recording repeats every event, whoever the model was") {
  for (const char* model : {"runbook", "hasty", "noop", "random"}) {
    folder out;
    const auto r = record_one(out.path, "cpu-stress@hello-service", model);
    const auto second = again(r);
    CAPTURE(model);
    CHECK_MESSAGE(!second.against.first,
                  (second.against.first ? describe(*second.against.first) : ""));
    CHECK_EQ(second.against.same, r.events.size());
  }
}

TEST_CASE("a recording that was changed is told by its first event that differs") {
  folder out;
  auto r = record_one(out.path, "network-loss@hello-service", "runbook");
  auto changed = r;
  auto& probe = *std::find_if(changed.events.begin(), changed.events.end(),
                              [](const event& e) { return e.type == "probe_report"; });
  probe.body["results"][0]["output"] = "all is well";
  auto told = again(changed).against;
  REQUIRE(told.first);
  CHECK_EQ(told.same, probe.seq - 1);
  CHECK_EQ(told.first->left->seq, probe.seq);
  CHECK_EQ(told.first->right->seq, probe.seq);
  const auto text = describe(*told.first);
  CHECK(text.find("body.results") != std::string::npos);
  CHECK(text.find("all is well") != std::string::npos);

  // Another answer of the model leads elsewhere from the answer on.
  changed = r;
  auto& said = *std::find_if(changed.events.begin(), changed.events.end(),
                             [](const event& e) { return e.kind == "model.reply"; });
  said.body["tool_calls"] = json::array(
      {{{"id", "call-1"}, {"name", "give_up"}, {"arguments", R"({"reason": "no idea"})"}}});
  told = again(changed).against;
  REQUIRE(told.first);
  CHECK_GT(told.first->left->seq, said.seq);

  // One that was cut ends earlier than its replay.
  changed = r;
  changed.events.pop_back();
  told = again(changed).against;
  REQUIRE(told.first);
  CHECK(!told.first->left);
  CHECK_EQ(told.first->right->type, "episode_result");
}

TEST_CASE("a fork with another answer ends otherwise, and is equal up to the answer") {
  folder out;
  const auto r = record_one(out.path, "cpu-stress@hello-service", "runbook", 1, 1);
  CHECK_EQ(last_of(r, "episode_result").body["outcome"], "recovered");
  const auto& handed_in = last_of(r, "playbook");
  const auto answer = std::find_if(r.events.rbegin(), r.events.rend(), [&](const event& e) {
    return e.kind == "model.reply" && e.seq < handed_in.seq;
  });
  const auto file = out.path / "nothing.yml";
  std::ofstream(file) << "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: nothing\n"
                         "      ansible.builtin.debug:\n        msg: nothing\n";
  const std::atomic<bool> stop{false};
  fork_request how{answer->seq, "", file.string(), out.path / "forks"};
  const auto edited = fork(r, how, stop);
  REQUIRE_MESSAGE(edited.ok(), (edited ? "" : edited.why().what));
  CHECK_EQ(edited->ended.outcome, outcome_kind::not_recovered);
  REQUIRE(edited->against.first);
  CHECK_EQ(edited->against.first->left->seq, answer->seq);

  how.reply.clear();
  how.model = "noop";
  const auto other = fork(r, how, stop);
  REQUIRE(other);
  CHECK_EQ(other->ended.outcome, outcome_kind::not_recovered);
  CHECK_EQ(other->ended.model, "noop");

  how.model.clear();
  how.at = r.events.back().seq + 1;
  const auto same = fork(r, how, stop);
  REQUIRE(same);
  CHECK_EQ(same->ended.outcome, outcome_kind::recovered);
  CHECK(!same->against.first);
}

TEST_CASE("two seeds part somewhere, and each is summed up") {
  folder out;
  const auto a = record_one(out.path / "a", "cpu-stress@hello-service", "runbook", 1);
  const auto b = record_one(out.path / "b", "cpu-stress@hello-service", "runbook", 2);
  compare_how how;
  how.settings = false;
  const auto c = compare(a.events, b.events, how);
  REQUIRE(c.first);
  CHECK_GT(c.same, 0);
  const auto sums = summary_of(b.events);
  CHECK_EQ(sums["seed"], 2);
  CHECK_EQ(sums["outcome"], "recovered");
  CHECK_EQ(sums["events"], b.events.size());
  CHECK(!compare(a.events, a.events, how).first);
}

TEST_CASE(
    "replies are read from JSON, from a playbook and from text; folders without one refused") {
  folder out;
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(out.path / name) << text;
    return reply_of_file((out.path / name).string());
  };
  const auto j =
      write("a.json", R"({"tool_calls": [{"name": "give_up", "arguments": {"reason": "x"}}]})");
  REQUIRE(j);
  CHECK_EQ(j->tool_calls.at(0).arguments, R"({"reason":"x"})");
  CHECK_EQ(write("p.yml", "- hosts: all\n")->tool_calls.at(0).name, "submit_playbook");
  CHECK_EQ(write("t.txt", "I do not know")->text, "I do not know");
  CHECK(!read_recording(out.path).ok());
}

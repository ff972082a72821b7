#include "agents/mind.hpp"

#include "tests/support/fake_doors.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::agents;
using test::text_answer;
using test::tool_answer;

namespace {

struct fixture {
  explicit fixture(limits most = {}, mind_settings settings = {})
      : spent(most), m(settings, spent) {
    m.begin_trial({{"x", 1}, "C0", "R1", {}});
  }
  std::string last() const { return m.said().messages().back().content; }
  budget spent;
  mind m;
};

const std::string good = R"({"playbook":"- hosts: all\n","rationale":"because"})";

template <class T>
T expect(step s) {
  REQUIRE(std::holds_alternative<T>(s));
  return std::get<T>(std::move(s));
}

} // namespace

TEST_CASE("a probe is run and its result comes back as command, exit code and output") {
  fixture f;
  const auto run = expect<probe_first>(f.m.heard(tool_answer(probe_tool, R"({"cmds":["a","b"]})")));
  CHECK(run.commands == std::vector<std::string>{"a", "b"});
  CHECK(f.spent.spent().probes == 2);
  probe_report report;
  report.results = {{"a", 0, "one", false, 0}, {"b", 1, "two", false, 0}};
  expect<ask>(f.m.probed(report));
  CHECK(f.last() ==
        "command: a\nexit code: 0\noutput:\none\n\ncommand: b\nexit code: 1\noutput:\ntwo");
}

TEST_CASE("the output of a command is bounded") {
  mind_settings settings;
  settings.output_chars = 300;
  fixture f({}, settings);
  f.m.heard(tool_answer(probe_tool, R"({"cmds":["a"]})"));
  probe_report report;
  report.results = {{"a", 0, std::string(100'000, 'x'), false, 0}};
  f.m.probed(report);
  CHECK(f.last().size() < 450);
}

TEST_CASE("several probe calls in one answer are run together and answered one by one") {
  fixture f;
  auto reply = tool_answer(probe_tool, R"({"cmds":["a"]})", "1");
  reply.tool_calls.push_back({"2", probe_tool, R"({"cmds":["b"]})"});
  const auto run = expect<probe_first>(f.m.heard(reply));
  CHECK(run.commands.size() == 2);
  probe_report report;
  report.results = {{"a", 0, "one", false, 0}, {"b", 0, "two", false, 0}};
  f.m.probed(report);
  const auto& said = f.m.said().messages();
  CHECK(said[said.size() - 2].tool_call_id == "1");
  CHECK(said[said.size() - 1].tool_call_id == "2");
  CHECK(said[said.size() - 1].content.find("two") != std::string::npos);
}

TEST_CASE("a playbook is handed on as it is") {
  fixture f;
  const auto s = expect<submit>(f.m.heard(tool_answer(submit_tool, good)));
  CHECK(s.yaml == "- hosts: all\n");
  CHECK(s.rationale == "because");
}

TEST_CASE("code fences around a playbook are taken off, and that is said") {
  fixture f;
  const auto s = expect<submit>(f.m.heard(tool_answer(
      submit_tool, R"({"playbook":"```yaml\n- hosts: all\n```","rationale":"because"})")));
  CHECK(s.yaml == "- hosts: all\n");
  CHECK(s.rationale.find("fence") != std::string::npos);
}

TEST_CASE("giving up carries the reason") {
  fixture f;
  CHECK(expect<resign>(f.m.heard(tool_answer(give_up_tool, R"({"reason":"no idea"})"))).reason ==
        "no idea");
}

TEST_CASE("each kind of garbage gets its own precise repair message") {
  auto two = tool_answer(submit_tool, good, "1");
  two.tool_calls.push_back({"2", give_up_tool, R"({"reason":"r"})"});
  auto cut = text_answer("I think that");
  cut.finish_reason = "length";
  model_reply unreadable;
  unreadable.problem_kind = "garbage";
  unreadable.problem = "half a line of JSON";
  const std::vector<std::pair<model_reply, std::string>> cases{
      {text_answer("It is the network."), "plain text without a tool call"},
      {text_answer(""), "the answer was empty"},
      {cut, "cut off"},
      {unreadable, "half a line of JSON"},
      {tool_answer(submit_tool, "{\"playbook\": "), "not valid JSON"},
      {tool_answer(submit_tool, "[1]"), "must be a JSON object"},
      {tool_answer("rm_rf", "{}"), "no tool named \"rm_rf\""},
      {tool_answer(submit_tool, R"({"rationale":"r"})"), "\"playbook\" is missing"},
      {tool_answer(submit_tool, R"({"playbook":"p"})"), "\"rationale\" is missing"},
      {tool_answer(submit_tool, R"({"playbook":" ","rationale":"r"})"), "\"playbook\" is empty"},
      {tool_answer(submit_tool, R"({"playbook":["p"],"rationale":"r"})"), "must be a text"},
      {tool_answer(probe_tool, R"({"cmds":"kubectl get pods"})"), "must be a list"},
      {tool_answer(probe_tool, R"({"cmds":[1]})"), "must be a text with one command"},
      {tool_answer(probe_tool, "{}"), "\"cmds\" is missing"},
      {two, "2 tools at once"},
  };
  for (const auto& [reply, says] : cases) {
    CAPTURE(says);
    fixture f;
    expect<ask>(f.m.heard(reply));
    CHECK(f.last().find(says) != std::string::npos);
    CHECK(f.spent.spent().probes == 0);
  }
}

TEST_CASE("after three repairs the trial is lost, and the next one begins afresh") {
  fixture f;
  for (int i = 0; i < 3; ++i) expect<ask>(f.m.heard(text_answer("hm")));
  const auto lost = expect<unusable>(f.m.heard(text_answer("hm")));
  CHECK(lost.why.find("4 unusable answers") != std::string::npos);
  expect<ask>(f.m.begin_trial({{"x", 2}, "C0", "R2", "again"}));
  for (int i = 0; i < 3; ++i) expect<ask>(f.m.heard(text_answer("hm")));
}

TEST_CASE("commands beyond the limit are not run, and the model is told") {
  limits most;
  most.probes_per_trial = 1;
  fixture f(most);
  const auto run = expect<probe_first>(f.m.heard(tool_answer(probe_tool, R"({"cmds":["a","b"]})")));
  CHECK(run.commands == std::vector<std::string>{"a"});
  probe_report report;
  report.results = {{"a", 0, "one", false, 0}};
  f.m.probed(report);
  CHECK(f.last().find("output:\none") != std::string::npos);
  CHECK(f.last().find("command: b\nnot run: all 1 probe commands") != std::string::npos);
}

TEST_CASE("whoever goes on probing with nothing left loses the trial") {
  limits most;
  most.probes_per_trial = 0;
  fixture f(most);
  for (int i = 0; i < 3; ++i) {
    expect<ask>(f.m.heard(tool_answer(probe_tool, R"({"cmds":["a"]})")));
  }
  const auto hit = expect<limit_hit>(f.m.heard(tool_answer(probe_tool, R"({"cmds":["a"]})")));
  CHECK(hit.which == "probes");
  CHECK_FALSE(hit.whole_experiment);
}

TEST_CASE("a spent budget ends the experiment, a broken model is infrastructure") {
  fixture f;
  model_reply reply;
  reply.problem = "tokens";
  reply.problem_kind = "budget";
  const auto hit = expect<limit_hit>(f.m.heard(reply));
  CHECK(hit.which == "tokens");
  CHECK(hit.whole_experiment);
  reply.problem = "connection refused";
  for (const char* kind : {"infra", "refused"}) {
    reply.problem_kind = kind;
    CHECK(expect<outside_broken>(f.m.heard(reply)).what == "connection refused");
  }
}

TEST_CASE("without a probe there is no probe tool, and calling it is garbage") {
  mind_settings settings;
  settings.may_probe = false;
  fixture f({}, settings);
  CHECK(f.m.request().tools.size() == 2);
  expect<ask>(f.m.heard(tool_answer(probe_tool, R"({"cmds":["a"]})")));
  CHECK(f.last().find("no tool named \"probe_system\"") != std::string::npos);
}

TEST_CASE("a YAML block in plain text counts only where the method says so") {
  const auto answer = text_answer("Do this:\n```yaml\n- hosts: all\n```\nGood luck.");
  fixture strict;
  expect<ask>(strict.m.heard(answer));
  mind_settings settings;
  settings.text_playbook = true;
  fixture f({}, settings);
  CHECK(expect<submit>(f.m.heard(answer)).yaml == "- hosts: all\n");
  expect<ask>(f.m.heard(text_answer("no block here")));
  CHECK(f.m.request().tool_choice == tools::model_request::choice::automatic);
  CHECK(strict.m.request().tool_choice == tools::model_request::choice::required);
}

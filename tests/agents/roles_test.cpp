// Roles in a sealed world, with doors that lead to a script.
#include "agents/crew.hpp"
#include "agents/execution.hpp"
#include "agents/probe.hpp"
#include "agents/verification.hpp"
#include "tests/support/fake_doors.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace remed;
using namespace remed::agents;
using test::fake_doors;
using test::text_answer;
using test::tool_answer;

namespace {

/// Stands where the supervisor and the later stations of the ring are, and keeps what it gets.
struct ears {
  std::vector<playbook> playbooks;
  std::vector<outcome> outcomes;
  std::vector<verdict> verdicts;
  std::vector<give_up> resigned;
  std::vector<limit_reached> limited;
  std::vector<infra_failed> broken;
  std::vector<role_failed> failed;
};

class listener {
public:
  static constexpr auto name = "listener";
  using handle =
      station<playbook, outcome, verdict, give_up, limit_reached, infra_failed, role_failed>;
  struct needs {
    ears* to;
  };
  listener(handle::pointer, needs n) : ears_(n.to) {}
  handle::behavior_type behavior() {
    return {
        [this](const playbook& m) { ears_->playbooks.push_back(m); },
        [this](const outcome& m) { ears_->outcomes.push_back(m); },
        [this](const verdict& m) { ears_->verdicts.push_back(m); },
        [this](const give_up& m) { ears_->resigned.push_back(m); },
        [this](const limit_reached& m) { ears_->limited.push_back(m); },
        [this](const infra_failed& m) { ears_->broken.push_back(m); },
        [this](const role_failed& m) { ears_->failed.push_back(m); },
    };
  }

private:
  ears* ears_;
};

const std::string good = R"({"playbook":"- hosts: all\n","rationale":"because"})";

/// A coordinator with a probe, alone with a listener.
struct scene {
  explicit scene(limits most = {}) : w({}, event_log([](const std::string&) {})), doors(w, most) {
    auto ear = w.spawn<listener>({&heard});
    auto prober = w.spawn<probe>({&doors});
    who = w.spawn<coordinator>({ear, prober, ear, &doors, {}});
  }
  void begin(std::uint32_t t = 1, const std::string& feedback = {}) {
    w.tell(who, incident{{"x", t}, "C0", "R", feedback});
    run();
  }
  void run() {
    while (w.step()) continue;
  }

  ears heard;
  world w;
  fake_doors doors;
  coordinator::handle who;
};

} // namespace

TEST_CASE("the coordinator takes a side trip to the probe and then submits") {
  scene s;
  s.doors.answers = {tool_answer(probe_tool, R"({"cmds":["first","second"]})"),
                     tool_answer(submit_tool, good, "call_2")};
  s.begin();
  CHECK(s.doors.commands == std::vector<std::string>{"first", "second"});
  REQUIRE(s.doors.requests.size() == 2);
  CHECK(s.doors.requests[1].messages.back().content.find("output of second") != std::string::npos);
  REQUIRE(s.heard.playbooks.size() == 1);
  CHECK(s.heard.playbooks[0].yaml == "- hosts: all\n");
  CHECK(s.heard.playbooks[0].at.trial == 1);
}

TEST_CASE("a command that could not be run shows why") {
  scene s;
  s.doors.on_command = [](const std::string&) {
    command_done done;
    done.exit_code = 126;
    done.problem = "the sandbox is broken";
    return done;
  };
  s.doors.answers = {tool_answer(probe_tool, R"({"cmds":["x"]})")};
  s.begin();
  CHECK(s.doors.requests.back().messages.back().content.find("the sandbox is broken") !=
        std::string::npos);
}

TEST_CASE("garbage is repaired, and too much of it costs the trial as a failure of the role") {
  scene s;
  s.doors.answers = {text_answer("hm"), tool_answer(submit_tool, good)};
  s.begin();
  CHECK(s.heard.playbooks.size() == 1);
  s.doors.answers = {text_answer("a"), text_answer("b"), text_answer("c"), text_answer("d")};
  s.begin(2, "it failed");
  REQUIRE(s.heard.failed.size() == 1);
  CHECK(s.heard.failed[0].role == "coordinator");
  CHECK(s.heard.failed[0].at.trial == 2);
}

TEST_CASE("giving up goes to the supervisor") {
  scene s;
  s.doors.answers = {tool_answer(give_up_tool, R"({"reason":"beyond me"})")};
  s.begin();
  REQUIRE(s.heard.resigned.size() == 1);
  CHECK(s.heard.resigned[0].reason == "beyond me");
}

TEST_CASE("a spent budget and a broken model are reported as what they are") {
  scene s;
  model_reply no;
  no.problem = "model_calls";
  no.problem_kind = "budget";
  s.doors.answers = {no};
  s.begin();
  REQUIRE(s.heard.limited.size() == 1);
  CHECK(s.heard.limited[0].which == "model_calls");
  CHECK(s.heard.limited[0].whole_experiment);
  no.problem = "503";
  no.problem_kind = "infra";
  s.doors.answers = {no};
  s.begin(2);
  REQUIRE(s.heard.broken.size() == 1);
  CHECK(s.heard.broken[0].where == "model");
}

TEST_CASE("probing without end hits the probe limit of the trial") {
  limits most;
  most.probes_per_trial = 2;
  scene s(most);
  for (int i = 0; i < 10; ++i)
    s.doors.answers.push_back(tool_answer(probe_tool, R"({"cmds":["x"]})"));
  s.begin();
  CHECK(s.doors.commands.size() == 2);
  REQUIRE(s.heard.limited.size() == 1);
  CHECK(s.heard.limited[0].which == "probes");
  CHECK_FALSE(s.heard.limited[0].whole_experiment);
}

TEST_CASE("an answer that comes after its trial is ignored") {
  scene s;
  s.doors.hold_back = true;
  s.doors.answers = {tool_answer(submit_tool, good)};
  s.begin(1);
  s.doors.hold_back = false;
  s.begin(2, "it expired");
  s.doors.release();
  s.run();
  CHECK(s.heard.playbooks.empty());
  CHECK(s.doors.requests.size() == 2);
}

TEST_CASE("probe results that come after their trial are ignored") {
  scene s;
  s.doors.answers = {tool_answer(probe_tool, R"({"cmds":["x","y"]})")};
  s.w.tell(s.who, incident{{"x", 1}, "C0", "R", {}});
  // The model's answer goes through, the command's end does not yet.
  s.doors.on_command = [&](const std::string& line) {
    s.doors.hold_back = true;
    command_done done;
    done.output = "old " + line;
    return done;
  };
  s.run();
  s.doors.hold_back = false;
  s.begin(2, "it expired");
  const auto asked = s.doors.requests.size();
  s.doors.release();
  s.run();
  CHECK(s.doors.requests.size() == asked);
}

TEST_CASE("the second trial goes on with the same conversation") {
  scene s;
  s.doors.answers = {tool_answer(submit_tool, good)};
  s.begin(1);
  s.begin(2, "users still wait");
  const auto& first = s.doors.requests[0].messages;
  const auto& second = s.doors.requests[1].messages;
  CHECK(second.size() > first.size());
  CHECK(second[0].content == first[0].content);
}

TEST_CASE("a role whose door throws is reported as failed and the world goes on") {
  scene s;
  std::optional<role_failed> seen;
  s.w.on_role_failed([&](const role_failed& f) { seen = f; });
  s.doors.on_command = [](const std::string&) -> command_done { throw std::runtime_error("boom"); };
  s.doors.answers = {tool_answer(probe_tool, R"({"cmds":["x"]})")};
  s.begin();
  REQUIRE(seen.has_value());
  CHECK(seen->role == "probe");
  CHECK(seen->what == "boom");
}

TEST_CASE("execution hands on how the playbook ended") {
  scene s;
  auto ear = s.w.spawn<listener>({&s.heard});
  auto runner = s.w.spawn<execution>({ear, ear, &s.doors});
  s.doors.on_playbook = [](const std::string&) {
    outcome o;
    o.reason = run_reason::task_failed;
    o.exit_code = 2;
    return o;
  };
  s.w.tell(runner, playbook{{"x", 3}, "- hosts: all\n", {}});
  s.run();
  REQUIRE(s.heard.outcomes.size() == 1);
  CHECK(s.heard.outcomes[0].reason == run_reason::task_failed);
  CHECK(s.heard.outcomes[0].at.trial == 3);
}

TEST_CASE("a playbook that cannot be run at all is infrastructure") {
  scene s;
  auto ear = s.w.spawn<listener>({&s.heard});
  auto runner = s.w.spawn<execution>({ear, ear, &s.doors});
  s.doors.on_playbook = [](const std::string&) {
    outcome o;
    o.reason = run_reason::infra_error;
    o.output = "no Ansible here";
    return o;
  };
  s.w.tell(runner, playbook{{"x", 1}, "- hosts: all\n", {}});
  s.run();
  REQUIRE(s.heard.broken.size() == 1);
  CHECK(s.heard.broken[0].what == "no Ansible here");
  CHECK(s.heard.outcomes.empty());
}

namespace {

/// Pauses twice, then says no.
class slow_judge final : public examiner {
public:
  void begin(const outcome&, answer then) override {
    looks = 0;
    then(pause{std::chrono::seconds{5}});
  }
  void look(answer then) override {
    if (++looks < 2) return then(pause{std::chrono::seconds{5}});
    verdict v;
    v.feedback = "hello-service still answers slowly";
    then(v);
  }
  int looks = 0;
};

class blind_judge final : public examiner {
public:
  void begin(const outcome&, answer then) override {
    then(failure{errc::unreachable, "the cluster is gone"});
  }
  void look(answer) override {}
};

} // namespace

TEST_CASE("verification waits in virtual time and tells the agents what an SRE may know") {
  scene s;
  auto ear = s.w.spawn<listener>({&s.heard});
  auto who = s.w.spawn<verification>({ear, std::make_shared<slow_judge>()});
  outcome o;
  o.at = {"x", 1};
  o.reason = run_reason::task_failed;
  o.tasks = {{"restart it", "192.0.2.10", "failed", "forbidden"}};
  s.w.tell(who, o);
  s.run();
  REQUIRE(s.heard.verdicts.size() == 1);
  CHECK(s.w.elapsed() == std::chrono::seconds{10});
  const auto& said = s.heard.verdicts[0].feedback;
  CHECK(said.find("restart it (192.0.2.10): failed: forbidden") != std::string::npos);
  CHECK(said.find("hello-service still answers slowly") != std::string::npos);
}

TEST_CASE("a newer outcome replaces one that is still examined") {
  scene s;
  auto ear = s.w.spawn<listener>({&s.heard});
  auto who = s.w.spawn<verification>({ear, std::make_shared<slow_judge>()});
  outcome o;
  o.at = {"x", 1};
  s.w.tell(who, o);
  s.w.step();
  o.at.trial = 2;
  s.w.tell(who, o);
  s.run();
  REQUIRE(s.heard.verdicts.size() == 1);
  CHECK(s.heard.verdicts[0].at.trial == 2);
}

TEST_CASE("a system that cannot be looked at is infrastructure, not a verdict") {
  scene s;
  auto ear = s.w.spawn<listener>({&s.heard});
  auto who = s.w.spawn<verification>({ear, std::make_shared<blind_judge>()});
  s.w.tell(who, outcome{});
  s.run();
  CHECK(s.heard.verdicts.empty());
  REQUIRE(s.heard.broken.size() == 1);
  CHECK(s.heard.broken[0].what == "the cluster is gone");
}

TEST_CASE("a shipped method becomes a ring that runs from incident to verdict") {
  scene s;
  auto ear = s.w.spawn<listener>({&s.heard});
  const auto m = load_method("thinkremed");
  REQUIRE_MESSAGE(m.ok(), m.why().what);
  const auto made = start_crew(ground(s.w), *m, {ear, &s.doors, std::make_shared<slow_judge>(), 7});
  REQUIRE_MESSAGE(made.ok(), made.why().what);
  s.doors.answers = {tool_answer(probe_tool, R"({"cmds":["x"]})"), tool_answer(submit_tool, good)};
  s.w.tell(made->entry, incident{{"x", 1}, "the context", "the report", {}});
  s.run();
  CHECK(s.doors.playbooks.size() == 1);
  REQUIRE(s.heard.verdicts.size() == 1);
  REQUIRE(s.doors.requests.size() == 2);
  CHECK(s.doors.requests[0].messages[0].content.find("the context") != std::string::npos);
  CHECK(s.doors.requests[0].messages[1].content.find("the report") != std::string::npos);
  CHECK(s.doors.requests[0].seed == 7);
}

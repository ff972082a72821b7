#include "runtime/supervisor.hpp"
#include "tests/protocol/ring.hpp"

#include <stdexcept>

using namespace remed;
using namespace remed::test;

namespace {

/// Whatever the outcome: nothing of the fault is left.
void check_cleared(const experiments::record& r, const ring& the) {
  CHECK(r.clean);
  CHECK_EQ(the.count("cleared"), 2); // the injector's note and its message
}

} // namespace

TEST_CASE("doing nothing T_max times is not recovered") {
  ring the;
  the.how.t_max = 3;
  const auto r = the.play([](int, const auto&) { return does_nothing(); });
  CHECK_EQ(r.outcome, outcome_kind::not_recovered);
  CHECK_EQ(r.trials, 3);
  CHECK_EQ(the.count("playbook_done"), 3);
  check_cleared(r, the);
}

TEST_CASE("a model that only probes loses its trials to the limit of probes") {
  ring the;
  const auto r = the.play([](int, const auto&) {
    return calls("probe_system", R"({"cmds": ["kubectl get pods -n simple-micro -o json"]})");
  });
  CHECK_EQ(r.outcome, outcome_kind::budget_exhausted);
  CHECK_EQ(r.detail, "probes");
  CHECK_EQ(r.trials, 2);
  check_cleared(r, the);
}

TEST_CASE("a model that uses more tokens than allowed ends the experiment") {
  ring the;
  const auto r = the.play([](int, const auto&) {
    auto reply = does_nothing();
    reply.usage.input = 3'000'000;
    return reply;
  });
  CHECK_EQ(r.outcome, outcome_kind::budget_exhausted);
  CHECK_EQ(r.detail, "tokens");
  check_cleared(r, the);
}

TEST_CASE("a model that returns garbage loses its trials, each within its repairs") {
  ring the;
  int asked = 0;
  const auto r = the.play([&](int n, const auto&) {
    asked = n;
    switch (n % 4) {
      case 0:
        return calls("submit_playbook", "{not json");
      case 1:
        return calls("reboot_universe", "{}");
      case 2:
        return calls("submit_playbook", R"({"rationale": "no playbook"})");
      default: {
        tools::model_reply prose;
        prose.text = "I would rather talk.";
        return prose;
      }
    }
  });
  CHECK_EQ(r.outcome, outcome_kind::agent_failed);
  CHECK_EQ(r.detail, "coordinator");
  CHECK_LE(asked, 10);
  check_cleared(r, the);
}

TEST_CASE("giving up ends the experiment as what it is") {
  ring the;
  const auto r = the.play(
      [](int, const auto&) { return calls("give_up", R"({"reason": "beyond my means"})"); });
  CHECK_EQ(r.outcome, outcome_kind::gave_up);
  CHECK_EQ(r.detail, "beyond my means");
  check_cleared(r, the);
}

TEST_CASE("a model that cannot be reached is the infrastructure's failure, not the agents'") {
  ring the;
  const auto r = the.play([](int, const auto&) -> result<tools::model_reply> {
    return failure{errc::unreachable, "connection refused"};
  });
  CHECK_EQ(r.outcome, outcome_kind::infra_error);
  CHECK_NE(r.detail.find("connection refused"), std::string::npos);
  check_cleared(r, the);
}

TEST_CASE("a role that never answers costs each trial its time and is named") {
  ring the;
  the.how.t_max = 3;
  the.prepare = [](experiments::running& r) {
    r.inside().on_begin([](std::uint64_t, std::string_view role) { return role != "coordinator"; });
  };
  const auto r = the.play([](int, const auto&) { return does_nothing(); });
  CHECK_EQ(r.outcome, outcome_kind::agent_failed);
  CHECK_EQ(r.trials, 3);
  CHECK_LE(r.virtual_s, 3 * limits{}.trial_s + limits{}.clear_s);
  check_cleared(r, the);
}

TEST_CASE("a role that crashes on every message ends as agent_failed with its name") {
  for (const std::string crashing : {"coordinator", "execution", "verification"}) {
    ring the;
    the.prepare = [crashing](experiments::running& r) {
      r.inside().on_begin([crashing](std::uint64_t, std::string_view role) {
        if (role == crashing) throw std::runtime_error("broken");
        return true;
      });
    };
    const auto r = the.play([](int, const auto&) { return does_nothing(); });
    CHECK_EQ(r.outcome, outcome_kind::agent_failed);
    CHECK_EQ(r.detail, crashing);
    CHECK_EQ(r.trials, 2);
    check_cleared(r, the);
  }
}

TEST_CASE("a model that throws is a call that failed") {
  ring the;
  const auto r = the.play([](int, const auto&) -> result<tools::model_reply> {
    throw std::runtime_error("out of ideas");
  });
  CHECK_EQ(r.outcome, outcome_kind::infra_error);
  CHECK_NE(r.detail.find("out of ideas"), std::string::npos);
  check_cleared(r, the);
}

TEST_CASE("cancel ends the experiment and clears the fault") {
  ring the;
  experiments::running* inside = nullptr;
  the.prepare = [&](experiments::running& r) { inside = &r; };
  const auto r = the.play([&](int, const auto&) {
    inside->cancel("asked to");
    return does_nothing();
  });
  CHECK_EQ(r.outcome, outcome_kind::cancelled);
  CHECK_EQ(r.detail, "asked to");
  check_cleared(r, the);
}

TEST_CASE("whichever message is lost, the experiment ends within its bounds") {
  ring whole;
  const auto reference = whole.play_policy("runbook");
  REQUIRE_EQ(reference.outcome, outcome_kind::recovered);
  std::uint64_t handled = 0;
  for (const auto& e : whole.events) handled += e.kind == "msg" || e.kind == "io";
  REQUIRE_GT(handled, 8);
  for (std::uint64_t lost = 1; lost <= handled; ++lost) {
    ring the;
    the.prepare = [lost](experiments::running& r) {
      r.inside().on_begin([lost](std::uint64_t n, std::string_view) { return n != lost; });
    };
    // The very first message starts everything: without it nothing is ever injected.
    const auto r = the.play_policy("runbook");
    CAPTURE(lost);
    CHECK_LE(r.trials, 2);
    CHECK_LE(r.virtual_s, 2 * 900 + 300 + 60);
  }
}

TEST_CASE("a policy of one trial has no probe and one attempt") {
  ring the;
  the.how.t_max.reset();
  the.method = "sologen";
  const auto r = the.play([](int, const auto& request) {
    for (const auto& tool : request.tools) CHECK_NE(tool.name, "probe_system");
    return does_nothing();
  });
  CHECK_EQ(r.outcome, outcome_kind::not_recovered);
  CHECK_EQ(r.trials, 1);
}

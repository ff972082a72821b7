#include "runtime/supervisor.hpp"

#include "runtime/world.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace remed;

namespace {

/// Stands for the whole ring: answers each trial as scripted.
class scripted_ring {
public:
  static constexpr auto name = "injector";
  using handle = station<trial, clear>;
  struct needs {
    std::function<supervisor::handle()> boss;
    std::function<void(const trial&, scripted_ring&)> on_trial;
    std::function<bool()> clears = [] { return true; };
    bool answers_clear = true;
  };
  scripted_ring(handle::pointer self, needs n) : self_(self), needs_(std::move(n)) {}
  handle::behavior_type behavior() {
    return {[this](const trial& t) { needs_.on_trial(t, *this); },
            [this](const clear& c) {
              if (needs_.answers_clear) say(cleared{c.at, needs_.clears(), ""});
            }};
  }
  template <class Message>
  void say(Message m) {
    self_->send(needs_.boss(), std::move(m));
  }

private:
  handle::pointer self_;
  needs needs_;
};

struct stage {
  limits most;
  std::optional<episode_result> ended;
  std::vector<std::string> feedbacks;
  world w{{}, event_log({})};
  budget spent{limits{}};
  supervisor::handle boss;
  scripted_ring::handle ring;

  void play(std::function<void(const trial&, scripted_ring&)> script, bool answers_clear = true) {
    scripted_ring::needs wants;
    wants.boss = [this] { return boss; };
    wants.on_trial = [this, script](const trial& t, scripted_ring& r) {
      feedbacks.push_back(t.feedback);
      script(t, r);
    };
    wants.answers_clear = answers_clear;
    ring = w.spawn<scripted_ring>(wants);
    auto n = supervisor::over(w, spent, most);
    n.injector = [this] { return ring; };
    n.done = [this](const episode_result& r) { ended = r; };
    boss = w.spawn<supervisor>(n);
    w.on_role_failed([this](const role_failed& f) { w.tell(boss, f); });
    w.tell(boss, trial{});
    for (int i = 0; i < 10'000 && !ended && w.step(); ++i) {
    }
    REQUIRE(ended);
  }
};

verdict judged(const trial& t, bool good) {
  verdict v;
  v.at = t.at;
  v.recovered = good;
  v.status = good ? outcome_kind::recovered : outcome_kind::not_recovered;
  v.score = good ? 1 : 0;
  v.feedback = "try " + std::to_string(t.at.trial);
  return v;
}

} // namespace

TEST_CASE("the first good verdict ends the experiment as recovered, with the fault cleared") {
  stage s;
  s.play([](const trial& t, scripted_ring& r) { r.say(judged(t, t.at.trial == 2)); });
  CHECK_EQ(s.ended->outcome, outcome_kind::recovered);
  CHECK_EQ(s.ended->trials, 2);
  CHECK(s.ended->clean);
  CHECK_EQ(s.feedbacks, std::vector<std::string>{"", "try 1"});
}

TEST_CASE("T_max bounds the trials whatever the ring says") {
  stage s;
  s.most.t_max = 4;
  s.play([](const trial& t, scripted_ring& r) { r.say(judged(t, false)); });
  CHECK_EQ(s.ended->outcome, outcome_kind::not_recovered);
  CHECK_EQ(s.feedbacks.size(), 4);
}

TEST_CASE("a ring that never answers costs each trial its time and ends with the role's name") {
  stage s;
  s.most.t_max = 3;
  s.play([](const trial&, scripted_ring&) {});
  CHECK_EQ(s.ended->outcome, outcome_kind::agent_failed);
  CHECK_EQ(s.ended->detail, "injector");
  CHECK_EQ(s.ended->virtual_s, doctest::Approx(3 * s.most.trial_s));
}

TEST_CASE("a role that throws costs a trial, then the experiment, as agent_failed") {
  stage s;
  s.most.t_max = 2;
  s.play([](const trial&, scripted_ring&) { throw std::runtime_error("broken"); });
  CHECK_EQ(s.ended->outcome, outcome_kind::agent_failed);
  CHECK_EQ(s.ended->detail, "injector");
  CHECK_EQ(s.ended->trials, 2);
}

TEST_CASE("limits, give-up, failed injection and broken infrastructure end as what they are") {
  using kind = outcome_kind;
  auto ends = [](std::function<void(const trial&, scripted_ring&)> script) {
    stage s;
    s.play(std::move(script));
    CHECK(s.ended->clean);
    return *s.ended;
  };
  CHECK_EQ(ends([](auto& t, auto& r) {
             r.say(give_up{t.at, "beyond me"});
           }).outcome,
           kind::gave_up);
  const auto spent = ends([](auto& t, auto& r) { r.say(limit_reached{t.at, "tokens", true}); });
  CHECK_EQ(spent.outcome, kind::budget_exhausted);
  CHECK_EQ(spent.detail, "tokens");
  CHECK_EQ(ends([](auto& t, auto& r) {
             r.say(not_injected{t.at, "no symptom", false});
           }).outcome,
           kind::injection_failed);
  CHECK_EQ(ends([](auto& t, auto& r) {
             r.say(infra_failed{t.at, "model", "down"});
           }).outcome,
           kind::infra_error);
}

TEST_CASE("a limit of one trial is the outcome only when it is the last") {
  stage s;
  s.most.t_max = 2;
  s.play([](const trial& t, scripted_ring& r) { r.say(limit_reached{t.at, "probes", false}); });
  CHECK_EQ(s.ended->outcome, outcome_kind::budget_exhausted);
  CHECK_EQ(s.ended->detail, "probes");
  CHECK_EQ(s.feedbacks.size(), 2);
}

TEST_CASE("cancel ends at once, and late messages change nothing") {
  stage s;
  s.play([&](const trial& t, scripted_ring& r) {
    r.say(cancel{t.at, "user"});
    r.say(judged(t, true));
  });
  CHECK_EQ(s.ended->outcome, outcome_kind::cancelled);
}

TEST_CASE("verdicts of an earlier trial are not taken for the present one") {
  stage s;
  s.most.t_max = 2;
  s.play([](const trial& t, scripted_ring& r) {
    auto stale = judged(t, true);
    stale.at.trial = t.at.trial - 1;
    r.say(stale);
    r.say(judged(t, false));
  });
  CHECK_EQ(s.ended->outcome, outcome_kind::not_recovered);
}

TEST_CASE("an injector that cannot clear leaves an unclean result, not a hang") {
  stage s;
  s.play([](const trial& t, scripted_ring& r) { r.say(judged(t, true)); }, false);
  CHECK_EQ(s.ended->outcome, outcome_kind::recovered);
  CHECK_FALSE(s.ended->clean);
}

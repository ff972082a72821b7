#include "runtime/world.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>

using namespace remed;
using namespace std::chrono_literals;

namespace {

struct record {
  std::vector<event> events;
  event_log log() {
    event_log made({});
    made.on_event([this](const event& e) { events.push_back(e); });
    return made;
  }
  std::string transcript() const {
    std::string out;
    for (const auto& e : events) {
      out += std::to_string(e.seq) + "<-" + std::to_string(e.cause) + " " + e.type + "; ";
    }
    return out;
  }
};

/// Answers each trial with a verdict after a minute; throws on the trial numbered 13.
class echo {
public:
  static constexpr auto name = "echo";
  using handle = station<trial, trial_expired>;
  struct needs {
    std::function<station<verdict>()> next;
  };
  echo(handle::pointer self, needs n) : self_(self), needs_(std::move(n)) {}
  handle::behavior_type behavior() {
    return {[this](const trial& t) {
              if (t.at.trial == 13) throw std::runtime_error("unlucky");
              self_->delayed_send(self_, 60s, trial_expired{t.at});
              self_->send(needs_.next(), verdict{.at = t.at});
            },
            [this](const trial_expired& t) { self_->send(needs_.next(), verdict{.at = t.at}); }};
  }

private:
  handle::pointer self_;
  needs needs_;
};

class sink {
public:
  static constexpr auto name = "sink";
  using handle = station<verdict>;
  struct needs {
    int* count;
  };
  sink(handle::pointer, needs n) : needs_(n) {}
  handle::behavior_type behavior() {
    return {[this](const verdict&) { ++*needs_.count; }};
  }

private:
  needs needs_;
};

struct pair_of_roles {
  record seen;
  int verdicts = 0;
  world w{{}, seen.log()};
  station<verdict> second = w.spawn<sink>({&verdicts});
  echo::handle first = w.spawn<echo>({[this] { return second; }});
  void run() {
    while (w.step()) {
    }
  }
};

} // namespace

TEST_CASE("the log shows what caused what") {
  pair_of_roles p;
  p.w.tell(p.first, trial{{"e", 1}, ""});
  p.run();
  CHECK_EQ(p.verdicts, 2);
  CHECK_EQ(p.seen.transcript(), "1<-0 trial; 2<-1 verdict; 3<-0 trial_expired; 4<-3 verdict; ");
  CHECK_EQ(p.seen.events[0].from, "world");
  CHECK_EQ(p.seen.events[1].from, "echo");
  CHECK_EQ(p.seen.events[1].to, "sink");
}

TEST_CASE("time stands still while there is work and jumps to the next timer") {
  pair_of_roles p;
  p.w.tell(p.first, trial{{"e", 1}, ""});
  p.run();
  CHECK_EQ(p.seen.events[1].t, 0);
  CHECK_EQ(p.seen.events[2].t, 60);
  CHECK_EQ(p.w.elapsed(), 60s);
}

TEST_CASE("the environment is taken along, stopping where it has something to do") {
  pair_of_roles p;
  std::vector<double> stops;
  std::vector<vtime> due{stepped_epoch + 10s, stepped_epoch + 25s, stepped_epoch + 300s};
  p.w.on_advance([&](vtime t) {
    stops.push_back(seconds(t - stepped_epoch));
    if (!due.empty() && due.front() <= t) due.erase(due.begin());
  });
  p.w.on_next([&]() -> std::optional<vtime> {
    if (due.empty()) return std::nullopt;
    return due.front();
  });
  p.w.tell(p.first, trial{{"e", 1}, ""});
  p.run();
  CHECK_EQ(stops, std::vector<double>{10, 25, 60});
}

TEST_CASE("a role that throws is reported and goes on") {
  pair_of_roles p;
  std::vector<role_failed> failures;
  p.w.on_role_failed([&](const role_failed& f) { failures.push_back(f); });
  p.w.tell(p.first, trial{{"e", 13}, ""});
  p.w.tell(p.first, trial{{"e", 14}, ""});
  p.run();
  REQUIRE_EQ(failures.size(), 1);
  CHECK_EQ(failures[0].role, "echo");
  CHECK_EQ(failures[0].what, "unlucky");
  CHECK_EQ(p.verdicts, 2);
}

TEST_CASE("a flooded mailbox drops and reports instead of growing") {
  record seen;
  world_options options;
  options.mailbox = 10;
  world w{options, seen.log()};
  int verdicts = 0, failures = 0;
  auto target = w.spawn<sink>({&verdicts});
  w.on_role_failed([&](const role_failed&) { ++failures; });
  for (int i = 0; i < 25; ++i) w.tell(target, verdict{});
  while (w.step()) {
  }
  CHECK_EQ(verdicts, 10);
  CHECK_EQ(failures, 15);
}

TEST_CASE("outside work holds the clock and its result is caused by its start") {
  pair_of_roles p;
  p.w.tell(p.first, trial{{"e", 1}, ""});
  auto op = p.w.begin(outside::tool, "command", "echo", json::object());
  while (p.w.step()) {
  }
  CHECK_EQ(p.w.elapsed(), 0s); // a stepped world waits for the outside
  op->finish(p.second, verdict{{"e", 1}}, json::object());
  p.run();
  CHECK_EQ(p.verdicts, 3);
  CHECK_EQ(p.w.elapsed(), 60s);
  const auto& e = p.seen.events;
  CHECK_EQ(e[0].kind, "tool.start");
  const auto end = std::find_if(e.begin(), e.end(), [](auto& x) { return x.kind == "tool.end"; });
  CHECK_EQ(end->cause, e[0].seq);
  CHECK_EQ((end + 1)->cause, end->seq);
}

TEST_CASE("dropped outside work lets time go on") {
  pair_of_roles p;
  p.w.tell(p.first, trial{{"e", 1}, ""});
  auto op = p.w.begin(outside::tool, "command", "echo", json::object());
  op.reset();
  p.run();
  CHECK_EQ(p.w.elapsed(), 60s);
}

TEST_CASE("a world that waits says when there is something to handle") {
  pair_of_roles p;
  int calls = 0;
  p.w.on_ready([&] { ++calls; });
  auto work = p.w.begin(outside::model, "model", "sink", json::object());
  p.run();
  CHECK_EQ(calls, 0);
  work->finish(p.second, verdict{}, json::object());
  CHECK_EQ(calls, 1);
  p.run();
  CHECK_EQ(p.verdicts, 1);
  auto dropped = p.w.begin(outside::tool, "command", "sink", json::object());
  calls = 0;
  dropped.reset();
  CHECK_EQ(calls, 1);
}

TEST_CASE("only a world whose clock flows with the wall's has to be looked at meanwhile") {
  pair_of_roles stepped;
  CHECK_GE(stepped.w.patience(), 1s);
  world_options o;
  o.stepped = false;
  world live(o, event_log({}));
  auto thinking = live.begin(outside::model, "model", "sink", json::object());
  const auto while_a_model_thinks = live.patience();
  auto running = live.begin(outside::tool, "command", "sink", json::object());
  CHECK_LT(live.patience(), while_a_model_thinks);
  CHECK_LT(while_a_model_thinks, stepped.w.patience());
}

TEST_CASE("a lost message is never handled and never logged") {
  pair_of_roles p;
  p.w.on_begin([](std::uint64_t n, std::string_view) { return n != 2; });
  p.w.tell(p.first, trial{{"e", 1}, ""});
  p.run();
  CHECK_EQ(p.verdicts, 1);
  CHECK_EQ(p.seen.events.size(), 3);
}

TEST_CASE("equal worlds write equal logs") {
  pair_of_roles a, b;
  for (auto* p : {&a, &b}) {
    p->w.tell(p->first, trial{{"e", 1}, ""});
    p->run();
  }
  CHECK_EQ(a.w.log().hash(), b.w.log().hash());
}

TEST_CASE("worlds of several threads neither see nor disturb each other") {
  const auto live = [](std::string& transcript) {
    for (int i = 0; i < 20; ++i) {
      pair_of_roles p;
      p.w.tell(p.first, trial{{"e", 1}, ""});
      p.run();
      transcript += p.seen.transcript();
    }
  };
  std::string here, there;
  {
    std::jthread other([&] { live(there); });
    live(here);
  }
  CHECK_EQ(here, there);
  CHECK_FALSE(here.empty());
}

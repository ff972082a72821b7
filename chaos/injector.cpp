#include "chaos/injector.hpp"

#include "chaos/oracle.hpp"
#include "chaos/predicates.hpp"
#include "chaos/surgery.hpp"

#include <algorithm>
#include <utility>

namespace remed::chaos {

namespace {

using namespace std::chrono_literals;

/// Virtual times: for the system to be healthy, for the fault to be gone.
constexpr duration healthy_limit = 120s, clear_limit = 120s;
/// How often to look: at first closely, then every few seconds.
constexpr duration close_look = 1s, close_for = 10s;
/// After this long a deletion that hangs is forced.
constexpr duration force_after = 30s;
/// Users' experience is looked at over this long.
constexpr duration users_window = 10s;

json as_json(const findings& all) {
  auto out = json::array();
  for (const auto& one : all.all) {
    out.push_back({{"check", one.evidence},
                   {"passed", one.found.holds == truth::yes},
                   {"detail", one.found.detail}});
  }
  return out;
}

} // namespace

/// What the role does; callbacks hold it, so that an answer that comes late finds it.
struct injector::work : std::enable_shared_from_this<injector::work> {
  enum class phase { idle, checking, injecting, watching, afflicted, clearing, clean };

  work(handle::pointer actor, needs n)
      : self(actor),
        need(std::move(n)),
        about{std::move(need.what),
              std::move(need.place),
              std::move(need.system),
              need.where->name_space(),
              {}} {}

  // -- trials

  void on_trial(const trial& t) {
    if (now_in == phase::clearing || now_in == phase::clean) return;
    at = t.at;
    feedback = t.feedback;
    began = need.where->now();
    if (now_in == phase::idle || now_in == phase::checking) {
      now_in = phase::checking;
      return look(about.what.oracle, &work::on_health);
    }
    if (now_in == phase::afflicted) look(about.what.symptom, &work::on_recheck);
  }

  void on_health(const facts& f) {
    if (now_in != phase::checking) return;
    about.usual = predicates::usual_shares(f, about);
    auto found = evaluate(about.what.oracle, f, about);
    if (found.hold()) {
      if (need.at_health) need.at_health(about.usual);
      return inject();
    }
    if (need.where->now() - began >= healthy_limit) {
      return give_up("the system is not healthy before the injection: " + found.failing(), true);
    }
    look_again();
  }

  void inject() {
    now_in = phase::injecting;
    knife = std::make_shared<surgery>(*need.where, about, object_name(about.what, at.experiment));
    knife->inject([me = shared_from_this()](result<void> done) { me->on_injected(done); });
  }

  void on_injected(const result<void>& done) {
    if (!self) return;
    if (now_in == phase::clearing) return undo(); // told to clear meanwhile
    if (!done) return give_up(done.why().what, done.why().code == errc::unreachable);
    now_in = phase::watching;
    began = need.where->now();
    need.note(
        "injected",
        json{{"fault", about.what.id}, {"target", about.where.target}, {"objects", knife->made()}});
    look_again();
  }

  void on_symptom(const facts& f) {
    if (now_in != phase::watching) return;
    auto found = evaluate(about.what.symptom, f, about);
    if (found.hold()) {
      now_in = phase::afflicted;
      need.note("symptom", json{{"seen", true},
                                {"after_s", seconds(need.where->now() - began)},
                                {"evidence", as_json(found)}});
      if (need.at_incident) need.at_incident(f.seen);
      tell_coordinator({});
      return rearm_later();
    }
    if (need.where->now() - began >= need.symptom_limit) {
      return give_up("the symptom did not show within " +
                         std::to_string(static_cast<int>(seconds(need.symptom_limit))) +
                         " s: " + found.failing(),
                     false);
    }
    knife->rearm(f, [me = shared_from_this()](result<void>) {
      if (me->self && me->now_in == phase::watching) me->look_again();
    });
  }

  // -- keeping it up

  void rearm_later() {
    if (about.what.rearm) self->delayed_send(self, rearm_interval, wake{at, ++waits});
  }

  void on_rearm(const facts& f) {
    if (now_in != phase::afflicted) return;
    knife->rearm(f, [me = shared_from_this()](result<void> done) {
      if (!me->self || me->now_in != phase::afflicted) return;
      if (!done) me->need.note("rearm", json{{"failed", done.why().what}});
      me->rearm_later();
    });
  }

  void on_recheck(const facts& f) {
    if (now_in != phase::afflicted) return;
    auto found = evaluate(about.what.symptom, f, about);
    const bool persists = found.hold();
    need.note("symptom", json{{"seen", persists}, {"evidence", as_json(found)}});
    tell_coordinator(persists ? "Looked at again before this attempt: the symptom persists."
                              : "Looked at again before this attempt: the symptom is not observed "
                                "now, but the repair was not confirmed.");
  }

  void tell_coordinator(const std::string& recheck) {
    const auto known = words_of(about, {});
    incident out{at, about.system->context, filled(about.what.report, known), feedback};
    if (out.context.empty()) {
      out.context = "The system " + about.system->name + " runs in the namespace " +
                    need.where->name_space() + ".\n";
    }
    if (!recheck.empty()) out.report += recheck + "\n";
    self->send(need.coordinator(), std::move(out));
  }

  void give_up(std::string why, bool infrastructure) {
    if (now_in != phase::clearing) now_in = phase::afflicted;
    self->send(need.supervisor(), not_injected{at, std::move(why), infrastructure});
  }

  // -- clearing

  void on_clear(const clear& c) {
    if (now_in == phase::clearing) return;
    at = c.at;
    began = need.where->now();
    forced = false;
    const bool busy = now_in == phase::injecting;
    const bool nothing = !knife;
    now_in = phase::clearing;
    if (nothing) return end(true, "nothing had been injected");
    if (!busy) undo();
  }

  void undo() {
    knife->undo([me = shared_from_this()](result<void> done) {
      if (!me->self || me->now_in != phase::clearing) return;
      if (!done) me->problem = done.why().what;
      me->look_for_remains();
    });
  }

  void on_remains(const env::observation& seen) {
    if (now_in != phase::clearing) return;
    const auto rest = knife->remains(seen);
    if (rest.empty()) return end(true, {});
    const auto waited = need.where->now() - began;
    if (waited >= clear_limit) {
      return end(false, rest + " is still there" + (problem.empty() ? "" : "; " + problem));
    }
    if (waited >= force_after && !forced) {
      forced = true;
      return knife->force([me = shared_from_this()](result<void>) {
        if (me->self && me->now_in == phase::clearing) me->look_again();
      });
    }
    look_again();
  }

  void end(bool clean, const std::string& detail) {
    now_in = phase::clean;
    need.note("cleared", json{{"clean", clean}, {"detail", detail}});
    self->send(need.supervisor(), cleared{at, clean, detail});
  }

  // -- looking

  void look_again() {
    const bool close = need.where->now() - began < close_for;
    self->delayed_send(self, close ? close_look : need.later_look, wake{at, ++waits});
  }

  void on_wake(const wake& w) {
    if (w.id != waits) return;
    if (now_in == phase::checking) look(about.what.oracle, &work::on_health);
    if (now_in == phase::watching) look(about.what.symptom, &work::on_symptom);
    if (now_in == phase::afflicted) look(about.what.cause, &work::on_rearm);
    if (now_in == phase::clearing) look_for_remains();
  }

  void look_for_remains() {
    env::look how;
    how.metrics_of = about.where.target; // those of all pods are dear, and nobody reads them
    need.where->observe(how, [me = shared_from_this()](result<env::observation> seen) {
      if (!me->self) return;
      if (seen) return me->on_remains(*seen);
      me->end(false, "the environment cannot be looked at: " + seen.why().what);
    });
  }

  void look(const std::vector<predicate>& checks, void (work::*then)(const facts&)) {
    env::look how;
    how.window_from = need.where->now() - users_window;
    gather(*need.where, about.where.target, how, wanted_by(checks),
           [me = shared_from_this(), then](result<facts> f) {
             if (!me->self) return;
             if (f) return ((*me).*then)(*f);
             if (me->now_in == phase::clearing) return;
             me->give_up("the environment cannot be looked at: " + f.why().what, true);
           });
  }

  handle::pointer self; ///< none once the role has ended
  needs need;
  setting about; ///< `usual` is of the last look before the injection
  phase now_in = phase::idle;
  turn at;
  std::string feedback, problem;
  vtime began{};
  std::uint64_t waits = 0;
  bool forced = false;
  std::shared_ptr<surgery> knife;
};

injector::injector(handle::pointer self, needs n)
    : work_(std::make_shared<work>(self, std::move(n))) {}

injector::~injector() {
  work_->self = nullptr;
}

injector::handle::behavior_type injector::behavior() {
  return {
      [this](const trial& t) { work_->on_trial(t); },
      [this](const clear& c) { work_->on_clear(c); },
      [this](const wake& w) { work_->on_wake(w); },
  };
}

} // namespace remed::chaos

#include "experiments/proof.hpp"

#include "chaos/injector.hpp"
#include "chaos/judge.hpp"
#include "chaos/mesh/rules.hpp"
#include "chaos/predicates.hpp"
#include "chaos/surgery.hpp"
#include "environments/embedded/embedded_environment.hpp"
#include "experiments/remedy_runner.hpp"

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

namespace remed::experiments {

namespace {

using namespace std::chrono_literals;

constexpr duration healthy_limit = 120s, symptom_limit = 120s, users_window = 10s, pace = 5s;
/// A remedy that recovers scores at least this much: there may be a moment of downtime; and one
/// that interrupts the service, which costs as long as a slow one takes to start.
constexpr double good_score = 0.9, fair_score = 0.5;

/// A cluster of its own, with what was done to it.
class bed {
public:
  bed(const env::cluster& from, const env::system_profile& system, const chaos::setting& about)
      : place_(from, system, 1, from.now(), env::visibility::visible, chaos::chaos_hidden(),
               nullptr, tools::sandbox_spec::mode::none),
        about_(about) {}

  env::embedded_environment& place() { return place_; }
  const chaos::setting& about() const { return about_; }
  chaos::surgery& knife() { return *knife_; }

  void take(std::shared_ptr<chaos::surgery> knife) {
    knife_ = std::move(knife);
    armed_at_ = place_.now();
  }

  /// Lets time pass; what is injected again and again is.
  void pass(duration d) {
    const auto until = place_.now() + d;
    while (knife_ && about_.what.rearm && place_.now() < until) {
      place_.advance_to(std::min(until, armed_at_ + chaos::rearm_interval));
      if (place_.now() - armed_at_ < chaos::rearm_interval) break;
      armed_at_ = place_.now();
      knife_->rearm(gather(about_.what.cause), [](result<void>) {});
    }
    place_.advance_to(until);
  }

  chaos::facts gather(const std::vector<chaos::predicate>& checks) {
    chaos::facts out;
    env::look at;
    at.window_from = place_.now() - users_window;
    chaos::gather(place_, about_.where.target, at, chaos::wanted_by(checks),
                  [&](result<chaos::facts> f) {
                    if (f) out = std::move(*f);
                  });
    return out;
  }

  /// Waits until all is well before anything was done, and learns what is usual as the injector
  /// does: a busy service is not a sick one.
  std::optional<duration> wait_until_well(duration limit) {
    return wait_for(about_.what.oracle, limit, true);
  }

  /// Waits until the checks hold; the time it took, or none after the limit.
  std::optional<duration> wait_for(const std::vector<chaos::predicate>& checks, duration limit,
                                   bool learning = false) {
    const auto began = place_.now();
    for (;;) {
      const auto seen = gather(checks);
      if (learning) about_.usual = chaos::predicates::usual_shares(seen, about_);
      const auto found = evaluate(checks, seen, about_);
      last_ = found.failing();
      if (found.hold()) return place_.now() - began;
      if (place_.now() - began >= limit) return std::nullopt;
      pass(place_.now() - began < 10s ? duration{1s} : pace);
    }
  }
  /// What did not hold at the last look.
  const std::string& last() const { return last_; }

private:
  env::embedded_environment place_;
  chaos::setting about_;
  std::shared_ptr<chaos::surgery> knife_;
  vtime armed_at_{};
  std::string last_;
};

/// CPU of this thread.
double cpu_now_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

class prover {
public:
  prover(const workshop::booted& where, const chaos::fault& f, const std::string& target,
         const chaos::verification_plan& verification, const proof_plan& plan)
      : booted_(where), fault_(f), verification_(verification), plan_(plan) {
    out_.fault = f.id;
    out_.system = where.system->name;
    out_.target = target;
    about_ = {f, {where.system->name, f.id, target, 1}, where.system, where.system->name, {}};
  }

  proof run() {
    const auto began = cpu_now_ms();
    bed ward(*booted_.cluster, booted_.system, about_);
    if (make(ward)) {
      stays(ward);
      undone(ward);
      if (plan_.remedies) {
        for (const auto& id : fault_.accepted_remedies) remedy(ward, id, true);
        const auto cured = std::any_of(out_.steps.begin(), out_.steps.end(), [](const auto& s) {
          return s.passed && (s.expected == "recovered" || s.expected == "self_healed");
        });
        if (!cured) note("cured", false, {}, "no accepted remedy could be carried out");
        for (const auto& id : fault_.unacceptable_remedies) remedy(ward, id, false);
      }
    }
    out_.passed = std::all_of(out_.steps.begin(), out_.steps.end(),
                              [](const proof_step& s) { return s.passed || !s.applies; });
    out_.cpu_ms = cpu_now_ms() - began;
    return std::move(out_);
  }

private:
  bool note(const std::string& name, bool passed, duration after, std::string detail) {
    proof_step step;
    step.name = name;
    step.passed = passed;
    step.after_s = seconds(after);
    if (!passed) step.detail = std::move(detail);
    out_.steps.push_back(std::move(step));
    return passed;
  }

  /// Healthy → injected → felt, and the oracle says so, with the ledger and without.
  bool make(bed& ward) {
    auto well = ward.wait_until_well(healthy_limit);
    if (!note("healthy", well.has_value(), well.value_or(healthy_limit), ward.last())) return false;
    about_ = ward.about();
    auto knife =
        std::make_shared<chaos::surgery>(ward.place(), about_, chaos::object_name(fault_, "proof"));
    std::string problem;
    knife->inject([&](result<void> done) {
      if (!done) problem = done.why().what;
    });
    ward.take(knife);
    if (!problem.empty()) return note("symptom", false, {}, problem);
    ward.pass(1s);
    auto felt = ward.wait_for(fault_.symptom, symptom_limit);
    if (!note("symptom", felt.has_value(), felt.value_or(symptom_limit), ward.last())) return false;
    if (fault_.control) return true;
    auto seen = ward.gather(fault_.oracle);
    note("oracle", !evaluate(fault_.oracle, seen, about_).hold(), {}, "holds under the fault");
    seen.seen.effects.reset();
    note("blind", !evaluate(fault_.oracle, seen, about_).hold(), {},
         "without a ledger it holds under the fault");
    return true;
  }

  std::unique_ptr<bed> copy(bed& ward) {
    auto out = std::make_unique<bed>(ward.place().state(), booted_.system, about_);
    out->take(ward.knife().elsewhere(out->place()));
    return out;
  }

  /// Nobody does anything for the whole window. A control stays well, a fault ill.
  void stays(bed& ward) {
    auto b = copy(ward);
    const auto until = b->place().now() + plan_.window;
    bool passed = true;
    while (passed && b->place().now() < until) {
      b->pass(std::min<duration>(6 * pace, until - b->place().now()));
      passed = evaluate(fault_.oracle, b->gather(fault_.oracle), about_).hold() == fault_.control;
    }
    note("idle", passed, plan_.window - (until - b->place().now()), "it changed by itself");
  }

  void undone(bed& ward) {
    auto b = copy(ward);
    std::string problem;
    b->knife().undo([&](result<void> done) {
      if (!done) problem = done.why().what;
    });
    b->take(nullptr); // nothing is injected again while it is undone
    auto well = b->wait_for(fault_.oracle, plan_.limit);
    std::optional<std::string> rest;
    b->place().observe({}, [&](result<env::observation> seen) {
      if (seen) rest = ward.knife().remains(*seen);
    });
    const bool clean = rest && rest->empty();
    note("inverse", problem.empty() && well && clean, well.value_or(plan_.limit),
         !problem.empty() ? problem
         : !well          ? b->last()
                          : "left behind: " + rest.value_or("?"));
  }

  void remedy(bed& ward, const std::string& id, bool accepted) {
    proof_step step;
    step.name = id;
    auto what = chaos::load_remedy(id);
    if (!what) {
      step.detail = what.why().what;
      return out_.steps.push_back(std::move(step));
    }
    step.expected = !accepted ? what->raises : fault_.control ? "self_healed" : "recovered";
    auto b = copy(ward);
    chaos::judge judge(fault_, about_.where, b->place(), booted_.system);
    judge.know_usual(about_.usual);
    b->place().observe({}, [&](result<env::observation> seen) {
      if (seen) judge.begin(*seen);
    });
    const auto began = b->place().now();
    const auto refused = treat(*b, *what);
    auto verdict = verify(*b, judge);
    step.after_s = seconds(b->place().now() - began);
    conclude(step, accepted ? &*what : nullptr, refused, verdict);
    out_.steps.push_back(std::move(step));
  }

  std::string treat(bed& b, const chaos::remedy& what) {
    const agents::api_client api(
        [&](const tools::http_request& r) { return b.place().api().handle(r); },
        b.place().agent().token);
    return carry_out(what, {api, about_, b.knife().made(), [&](duration d) { b.pass(d); }});
  }

  std::optional<chaos::judgement> verify(bed& b, chaos::judge& judge) {
    std::optional<chaos::judgement> out;
    std::optional<duration> waiting;
    chaos::verification v(
        judge, verification_, [&](duration d) { waiting = d; },
        [&](result<chaos::judgement> j) {
          if (j) out = std::move(*j);
        });
    v.begin();
    while (!out && waiting) {
      b.pass(*std::exchange(waiting, std::nullopt));
      v.resume();
    }
    return out;
  }

  /// `accepted`: the remedy, if the fault's file accepts it.
  void conclude(proof_step& step, const chaos::remedy* accepted, const std::string& refused,
                const std::optional<chaos::judgement>& v) {
    if (!v) {
      step.detail = "no verdict came";
      return;
    }
    step.detail = std::string(to_string(v->status)) + ", score " + json(v->score).dump();
    for (const auto& flag : v->flags) step.detail += ", " + flag;
    if (!refused.empty()) step.detail += "; refused: " + refused;
    if (accepted) {
      // Not every container can be ended from inside: nothing was done then.
      step.applies = fault_.control || v->writes > 0 || v->restarts > 0;
      const bool well = std::string(to_string(v->status)) == step.expected;
      step.passed = refused.empty() && well && v->flags.empty() &&
                    v->score >= (accepted->interrupts ? fair_score : good_score);
      if (!step.passed && !v->feedback.empty()) step.detail += "; " + v->feedback;
      return;
    }
    // What was refused, or changed nothing, has nothing to be flagged for.
    step.applies = refused.empty() && v->writes > 0;
    const bool named = std::count(v->flags.begin(), v->flags.end(), step.expected) > 0;
    step.passed = named && v->score <= chaos::flag_weights().at(step.expected);
  }

  const workshop::booted& booted_;
  const chaos::fault& fault_;
  const chaos::verification_plan& verification_;
  const proof_plan& plan_;
  chaos::setting about_;
  proof out_;
};

} // namespace

proof prove(const workshop::booted& where, const chaos::fault& f, const std::string& target,
            const chaos::verification_plan& verification, const proof_plan& plan) {
  return prover(where, f, target, verification, plan).run();
}

} // namespace remed::experiments

#include "chaos/verifier.hpp"

#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <algorithm>
#include <utility>

namespace remed::chaos {

namespace {

verification_plan read_plan(const env::yaml_map& m) {
  m.refuse_unknown({"settle_s", "poll_s", "limit_s", "window_s", "still_s"});
  auto time = [&](const char* key, duration otherwise, double least) {
    return from_seconds(m.number(key, seconds(otherwise), least, 86400));
  };
  verification_plan out;
  out.settle = time("settle_s", out.settle, 0);
  out.poll = time("poll_s", out.poll, 0.1);
  out.limit = time("limit_s", out.limit, 1);
  out.window = time("window_s", out.window, 0);
  out.still = time("still_s", out.still, 0);
  return out;
}

} // namespace

result<verification_plan> load_verification_plan(const std::string& file) {
  auto path =
      file.empty() ? data_root() / "configs" / "verification.yaml" : std::filesystem::path(file);
  return env::read_yaml<verification_plan>(path, read_plan);
}

verifier::verifier(const judge& by, verification_plan plan) : judge_(&by), plan_(plan) {}

verifier::step verifier::wait(duration d) {
  step out;
  out.what = step::kind::wait;
  out.wait = d;
  return out;
}

verifier::step verifier::look(vtime now) {
  step out;
  out.what = step::kind::look;
  out.at.window_from = last_look_;
  out.at.audit_from = judge_->audit_from();
  out.needs = wanted_by(judge_->about().what.oracle);
  last_look_ = now;
  return out;
}

verifier::step verifier::begin(vtime now) {
  began_ = last_look_ = moved_ = now;
  return wait(plan_.settle);
}

verifier::step verifier::after_wait(vtime now) {
  return look(now);
}

bool verifier::hopeless(const facts& seen, bool effect) {
  const bool moved = movement_.follow(seen.seen.objects);
  if (moved || seen.seen.now < movement_.until()) moved_ = seen.seen.now;
  return effect && seen.seen.now - moved_ >= plan_.still;
}

verifier::step verifier::on_facts(const facts& seen) {
  const auto now = seen.seen.now;
  const auto& about = judge_->about();
  const bool holds = evaluate(about.what.oracle, seen, about).hold();
  const bool served = !seen.seen.slo || seen.seen.slo->met;
  const bool stuck = hopeless(seen, in_effect(seen, about).value_or(false));
  step done;
  done.what = step::kind::judge;
  if (!holds) {
    oracle_since_.reset();
    held_since_.reset();
    if (stuck || now - began_ >= plan_.limit) return done;
    return wait(plan_.poll);
  }
  if (!oracle_since_) oracle_since_ = now;
  if (!served) held_since_.reset();
  // The slice that ended now was good, but it may have begun before the oracle held.
  else if (!held_since_)
    held_since_ = now;
  if (held_since_ && now - *held_since_ >= plan_.window) {
    done.slo_held = true;
    return done;
  }
  // Users that stay unhappy although nothing is wrong any more: the limit counts from then.
  if (now - *oracle_since_ >= plan_.limit) return done;
  if (held_since_) return wait(std::min(plan_.poll, *held_since_ + plan_.window - now));
  return wait(plan_.poll);
}

// -- driving it

struct verification::state : std::enable_shared_from_this<state> {
  state(judge& by, verification_plan plan, std::function<void(duration)> waits,
        std::function<void(result<judgement>)> ends)
      : judge_(&by), machine(by, plan), wait(std::move(waits)), done(std::move(ends)) {}

  void follow(const verifier::step& next) {
    if (over) return;
    if (next.what == verifier::step::kind::wait) return wait(next.wait);
    if (next.what == verifier::step::kind::judge) {
      return judge_->assess(*last, next.slo_held, [self = shared_from_this()](result<judgement> j) {
        self->finish(std::move(j));
      });
    }
    gather(judge_->where(), judge_->about().where.target, next.at, next.needs,
           [self = shared_from_this()](result<facts> f) { self->on_look(std::move(f)); });
  }

  void on_look(result<facts> f) {
    if (over) return;
    if (!f) return finish(f.why());
    last = std::move(*f);
    judge_->follow(last->seen);
    follow(machine.on_facts(*last));
  }

  void finish(result<judgement> j) {
    if (over) return;
    over = true;
    done(std::move(j));
  }

  judge* judge_;
  verifier machine;
  std::function<void(duration)> wait;
  std::function<void(result<judgement>)> done;
  std::optional<facts> last;
  bool over = false;
};

verification::verification(judge& by, verification_plan plan, std::function<void(duration)> wait,
                           std::function<void(result<judgement>)> done)
    : state_(std::make_shared<state>(by, plan, std::move(wait), std::move(done))) {}

verification::~verification() {
  state_->over = true;
}

void verification::begin() {
  state_->follow(state_->machine.begin(state_->judge_->where().now()));
}

void verification::resume() {
  state_->follow(state_->machine.after_wait(state_->judge_->where().now()));
}

} // namespace remed::chaos

// The procedure of verification as a small state machine: when to look, how long to wait, when to
// stop. It waits for nothing itself: whoever drives it does.
//
//   settling ─► watching (poll until the oracle holds) ─► holding (SLO for the window) ─► judged
//                    │ limit, or nothing moves any more and the fault is still there ─────► judged
#pragma once

#include "chaos/judge.hpp"
#include "chaos/movement.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace remed::chaos {

/// configs/verification.yaml; virtual times.
struct verification_plan {
  duration settle = std::chrono::seconds{5};  ///< before the first look
  duration poll = std::chrono::seconds{5};    ///< between looks
  duration limit = std::chrono::minutes{5};   ///< for the oracle to hold
  duration window = std::chrono::seconds{60}; ///< the SLO must hold that long without a break
  duration still = std::chrono::seconds{20};  ///< nothing moved that long: nothing more will come
};
/// Errors name file, line and key. Without an argument: the shipped one.
result<verification_plan> load_verification_plan(const std::string& file = {});

class verifier {
public:
  /// What to do next.
  struct step {
    enum class kind { wait, look, judge } what = kind::wait;
    duration wait{}; ///< wait: then call `after_wait`
    env::look at;    ///< look: gather facts with `needs`, then call `on_facts`
    wanted needs;
    bool slo_held = false; ///< judge: call judge::assess with the last facts
  };

  verifier(const judge& by, verification_plan plan);

  step begin(vtime now);
  step after_wait(vtime now);
  step on_facts(const facts& seen);

private:
  step look(vtime now);
  step wait(duration d);
  /// Whether waiting longer cannot change anything.
  bool hopeless(const facts& seen, bool effect);

  const judge* judge_;
  verification_plan plan_;
  vtime began_{}, last_look_{};
  std::optional<vtime> held_since_; ///< the oracle holds and users are served since then
  std::optional<vtime> oracle_since_;
  vtime moved_{}; ///< when something was last in motion
  movement movement_;
};

/// Drives a verifier over an environment: looks and judges, and asks `wait` to wait. When a wait is
/// over, call `resume`. `done` is called once. Survives answers that come at once.
class verification {
public:
  verification(judge& by, verification_plan plan, std::function<void(duration)> wait,
               std::function<void(result<judgement>)> done);
  ~verification();
  verification(const verification&) = delete;

  void begin();
  void resume();

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace remed::chaos

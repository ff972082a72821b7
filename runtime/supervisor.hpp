// Bounds an experiment: mints trials 1..T_max, gives each a time limit, turns every way of failing
// into a typed outcome, and always has the fault cleared before it reports.
//
//            ┌──────────── next trial (feedback) ───────────┐
//            ▼                                               │
//   idle ─ begin ─► trying ─ verdict 0 · expired · failed ───┤ t < T_max
//                     │                                      │
//                     │ verdict 1 · give up · limit · …      │ t = T_max
//                     ▼                                      ▼
//                  clearing ───── cleared · timed out ───► over
#pragma once

#include "runtime/budget.hpp"
#include "runtime/messages.hpp"
#include "runtime/role.hpp"

#include <functional>
#include <optional>
#include <string>

namespace remed {

class world;

class supervisor {
public:
  static constexpr auto name = "supervisor";
  /// `trial` from outside begins the experiment; its trial number is ignored.
  using handle = station<trial, verdict, give_up, trial_expired, role_failed, limit_reached,
                         infra_failed, not_injected, cancel, cleared>;

  /// What the supervisor needs of the world; plain functions, so that it knows no other room.
  struct needs {
    limits most;
    /// The injector; a function because the ring is wired after its stations exist.
    std::function<station<trial, clear>()> injector;
    std::function<turn(std::uint32_t)> begin_trial; ///< tells world and budget; gives the turn
    std::function<std::string()> token_holder;      ///< who had the word last
    std::function<spending()> spent;
    std::function<double()> virtual_seconds;
    std::function<void(const episode_result&)> done; ///< called once
  };

  /// Needs that a world and its budget meet; `injector` and `done` are the caller's to add. Both
  /// must outlive the supervisor.
  static needs over(world& w, budget& spent, const limits& most);

  supervisor(handle::pointer self, needs n);
  handle::behavior_type behavior();

private:
  enum class phase { idle, trying, clearing, over };

  void next_trial(const std::string& feedback);
  /// The trial is lost for a reason that is nobody's verdict.
  void lose_trial(outcome_kind kind, std::string detail, const std::string& feedback);
  void finish(outcome_kind kind, std::string detail);
  void report(bool clean);
  bool current(const turn& at) const;

  handle::pointer self_;
  needs needs_;
  phase phase_ = phase::idle;
  turn at_;
  episode_result result_;
};

} // namespace remed

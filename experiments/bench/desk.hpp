// What the threads of a bench share: the queue of experiments, their results, and what was ordered
// meanwhile. Safe to use from any thread.
#pragma once

#include "experiments/record.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace remed::experiments {

/// How far a bench is.
struct bench_counts {
  std::size_t planned = 0, running = 0, done = 0;
  std::size_t recovered = 0;  ///< of those done
  std::size_t not_judged = 0; ///< of those done: infrastructure, injection, cancelled
  std::size_t waiting() const { return planned - running - done; }
};

class desk {
public:
  /// `specs` outlives the desk. `done` is called as each experiment that was started ends,
  /// one call at a time.
  desk(const std::vector<experiment_spec>& specs, std::function<void(const record&)> done);

  // -- for the threads that run experiments

  /// The next to start. None: none just now, or none any more (see `nothing_left`).
  std::optional<std::size_t> take();
  bool nothing_left() const;
  const experiment_spec& spec(std::size_t i) const { return specs_[i]; }
  void put(std::size_t i, record r);
  /// Changes whenever something was cancelled: then ask `ordered_to_end` for all that run.
  unsigned orders() const { return orders_; }
  /// Why the experiment shall end now, if it shall.
  std::optional<std::string> ordered_to_end(std::size_t i) const;

  // -- for whoever leads the bench

  /// Cancels one, running or not; false if there is none of this id.
  bool cancel(const std::string& id, const std::string& why);
  /// Cancels all that are not done, of one suite or (empty) of all.
  void cancel_all(const std::string& why, const std::string& suite = {});
  /// Asked before each start: a reason not to start an experiment at all, with its outcome.
  struct refusal {
    outcome_kind outcome;
    std::string why;
  };
  std::function<std::optional<refusal>(const experiment_spec&)> refuse;
  /// Asked before each start: whether to hold back for now.
  std::function<bool()> hold_back;

  bench_counts counts() const;
  /// What ran longest ago and is still running; at most `most` ids.
  std::vector<std::string> running(std::size_t most) const;
  std::vector<record> take_results() { return std::move(results_); }

private:
  enum class state { waiting, running, done };

  void settle(std::size_t i, record r);
  void refuse_until_startable();

  const std::vector<experiment_spec>& specs_;
  std::function<void(const record&)> done_;
  mutable std::mutex lock_;
  std::vector<record> results_;
  std::vector<state> states_;
  std::vector<std::string> cancelled_; ///< why, by experiment; empty: it is not
  std::size_t next_ = 0;
  bench_counts counts_;
  std::atomic<unsigned> orders_{0};
};

/// The record of an experiment that has no log.
record never_ran(const experiment_spec& spec, outcome_kind kind, const std::string& why);

} // namespace remed::experiments

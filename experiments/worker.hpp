// One thread's work: keeps its share of worlds going. A world is looked at when something reached
// it or its patience is over, never because others have work: thousands may wait for their models.
#pragma once

#include "experiments/bench.hpp"
#include "experiments/bench_gauges.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

namespace remed::experiments {

/// Where workers take experiments and leave results; safe to use from all of them.
class desk {
public:
  desk(const std::vector<experiment_spec>& specs, std::function<void(const record&)> done);

  const experiment_spec& spec(std::size_t i) const { return specs_[i]; }
  /// The next one to run; none: all are taken.
  std::optional<std::size_t> take();
  void put(std::size_t i, record r);
  std::vector<record> results() { return std::move(results_); }

private:
  const std::vector<experiment_spec>& specs_;
  std::vector<record> results_;
  std::function<void(const record&)> done_;
  std::size_t next_ = 0;
  std::mutex lock_;
};

/// The result of an experiment that did not take place.
record never_ran(const experiment_spec& spec, outcome_kind kind, const std::string& why);

class worker {
public:
  /// `most`: worlds at once. All but `host` outlive the worker.
  worker(desk& from, const settings& how, std::shared_ptr<tools::ansible_host> host,
         const std::atomic<bool>& stop, const event_follower& follow, unsigned most);

  /// Until nothing is left to take and all it took has ended.
  void work();

private:
  using clock = std::chrono::steady_clock;

  struct slot {
    std::unique_ptr<running> world;
    bool queued = false;
    clock::time_point since;  ///< when it was queued
    std::uint64_t visits = 0; ///< a later visit makes an earlier alarm void
  };
  struct alarm {
    clock::time_point at;
    std::size_t index;
    std::uint64_t visits;
    bool operator>(const alarm& other) const { return at > other.at; }
  };

  bool start_next();
  void queue(std::size_t i, slot& s);
  void visit(std::size_t i);
  void ring_alarms();
  void rest();
  void cancel_all();

  desk& desk_;
  const std::atomic<bool>& stop_;
  const event_follower& follow_;
  unsigned most_;
  bench_gauges* gauges_;
  workshop shop_;
  std::unordered_map<std::size_t, slot> worlds_;
  std::deque<std::size_t> ready_;
  std::priority_queue<alarm, std::vector<alarm>, std::greater<>> alarms_;
  bool all_taken_ = false, cancelled_ = false;
};

} // namespace remed::experiments

// One thread's work: keeps its share of worlds going. A world is looked at when something reached
// it or its patience is over, never because others have work: thousands may wait for their models.
#pragma once

#include "experiments/bench.hpp"
#include "experiments/bench/desk.hpp"
#include "experiments/bench_gauges.hpp"
#include "experiments/pace.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <unordered_map>
#include <vector>

namespace remed::experiments {

class worker {
public:
  /// `most`: worlds at once. All but `host` and `gate` outlive the worker.
  worker(desk& from, const settings& how, std::shared_ptr<tools::ansible_host> host,
         std::shared_ptr<agents::process_gate> gate, const event_follower& follow, unsigned most);

  /// Until nothing is left to take and all it took has ended.
  void work();

private:
  using clock = std::chrono::steady_clock;

  struct slot {
    std::unique_ptr<running> world;
    bool queued = false;
    bool goes_on = false;      ///< by itself, since its last turn
    clock::time_point since;   ///< when it was queued
    clock::duration busy{};    ///< what it took of this thread so far
    clock::duration stretch{}; ///< of that, since it last waited
    std::uint64_t visits = 0;  ///< a later visit makes an earlier alarm void
  };
  struct alarm {
    clock::time_point at;
    std::size_t index;
    std::uint64_t visits;
    bool operator>(const alarm& other) const { return at > other.at; }
  };

  /// When the next world may begin, perhaps in the past.
  clock::time_point next_begin(clock::time_point now) const;
  bool start_next();
  void queue(std::size_t i, slot& s);
  /// The next of a line has its turn.
  void serve(std::deque<std::size_t>& line);
  void visit(std::size_t i);
  void ring_alarms();
  void rest();
  /// Tells those whose end was ordered.
  void obey(unsigned orders);

  desk& desk_;
  const event_follower& follow_;
  unsigned most_;
  bench_gauges* gauges_;
  std::shared_ptr<agents::process_gate> gate_;
  workshop shop_;
  std::unordered_map<std::size_t, slot> worlds_;
  std::deque<std::size_t> ready_;      ///< something reached them
  std::deque<std::size_t> unfinished_; ///< their turn was over before their work
  std::priority_queue<alarm, std::vector<alarm>, std::greater<>> alarms_;
  unsigned obeyed_ = 0;
  pace pace_;
  bool booted_ = false;
};

} // namespace remed::experiments

#include "experiments/worker.hpp"

#include "experiments/bench/stillborn.hpp"

#include <algorithm>
#include <utility>

namespace remed::experiments {

namespace {

constexpr int steps_in_a_row = 64; // before the next world has its turn
/// How long a worker sleeps at most: orders ring no bell.
constexpr std::chrono::milliseconds longest_rest{20};

} // namespace

worker::worker(desk& from, const settings& how, std::shared_ptr<tools::ansible_host> host,
               std::shared_ptr<agents::process_gate> gate, const event_follower& follow,
               unsigned most)
    : desk_(from),
      follow_(follow),
      most_(most),
      gauges_(how.gauges),
      gate_(std::move(gate)),
      shop_(how, std::move(host), gate_) {}

void worker::work() {
  for (;;) {
    if (const auto orders = desk_.orders(); orders != obeyed_) obey(orders);
    shop_.loop.poll();
    gate_->look();
    ring_alarms();
    // Whoever was answered goes first: it has been waited for. What goes on by itself, an end for
    // example, is late for nobody; and a new world least of all.
    if (ready_.empty() && unfinished_.empty() && start_next()) continue;
    if (!ready_.empty()) {
      serve(ready_);
    } else if (!unfinished_.empty()) {
      serve(unfinished_);
    } else if (worlds_.empty() && desk_.nothing_left()) {
      return;
    } else {
      rest();
    }
  }
}

worker::clock::time_point worker::next_begin(clock::time_point now) const {
  const auto left = std::min(desk_.counts().waiting(), most_ - worlds_.size());
  return left == 0 ? clock::time_point::max() : pace_.next_begin(now, left);
}

bool worker::start_next() {
  const auto from = clock::now();
  if (next_begin(from) > from) return false;
  const auto i = desk_.take();
  if (!i) return false;
  auto started = start_experiment(desk_.spec(*i), shop_, follow_);
  if (!started) {
    desk_.put(*i, stillborn(desk_.spec(*i), shop_.how, started.why().what));
    return true;
  }
  auto& s = worlds_[*i];
  s.world = std::move(*started);
  pace_.began(clock::now());
  // A system's first experiment boots it, once for all.
  if (std::exchange(booted_, true)) s.busy = s.stretch = clock::now() - from;
  s.world->inside().on_ready([this, i = *i, &s] { queue(i, s); });
  if (gauges_) gauges_->started();
  queue(*i, s);
  return true;
}

void worker::queue(std::size_t i, slot& s) {
  if (s.queued) return;
  s.queued = true;
  s.since = clock::now();
  ready_.push_back(i);
}

void worker::serve(std::deque<std::size_t>& line) {
  const auto i = line.front();
  line.pop_front();
  if (gauges_) gauges_->waited(clock::now() - worlds_.at(i).since);
  visit(i);
}

void worker::visit(std::size_t i) {
  auto& s = worlds_.at(i);
  const auto from = clock::now();
  auto& world = *s.world;
  bool waits = false;
  for (int n = 0; n < steps_in_a_row && !waits && !world.over(); ++n) waits = !world.step();
  s.queued = false;
  const auto took = clock::now() - from;
  s.busy += took;
  s.stretch += took;
  if (waits && !world.over()) {
    if (++s.visits == 1)
      pace_.opened(s.stretch);
    else
      pace_.answered(s.stretch);
    s.stretch = {};
  }
  if (world.over()) {
    pace_.ended(clock::now(), s.stretch, s.busy);
    world.inside().on_ready({}); // its end makes noise that nobody needs to hear
    desk_.put(i, world.finished());
    worlds_.erase(i);
    if (gauges_) gauges_->ended();
  } else if (waits) {
    s.goes_on = false;
    alarms_.push({clock::now() + world.inside().patience(), i, s.visits});
  } else {
    // The first is finished before the next begins: halfway through they hold the most memory.
    s.queued = true;
    s.since = clock::now();
    if (std::exchange(s.goes_on, true))
      unfinished_.push_front(i);
    else
      unfinished_.push_back(i);
  }
}

void worker::ring_alarms() {
  const auto now = clock::now();
  while (!alarms_.empty() && alarms_.top().at <= now) {
    const auto due = alarms_.top();
    alarms_.pop();
    const auto found = worlds_.find(due.index);
    if (found != worlds_.end() && found->second.visits == due.visits)
      queue(due.index, found->second);
  }
}

void worker::rest() {
  using std::chrono::milliseconds;
  const auto now = clock::now();
  auto until = now + longest_rest;
  if (!alarms_.empty()) until = std::min(until, alarms_.top().at);
  // Where one may begin and does not, the machine is full: that passes some time.
  if (const auto next = next_begin(now); next > now) until = std::min(until, next);
  shop_.loop.run_for(std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - now)));
}

void worker::obey(unsigned orders) {
  obeyed_ = orders;
  for (auto& [i, s] : worlds_) {
    if (const auto why = desk_.ordered_to_end(i)) s.world->cancel(*why);
  }
}

} // namespace remed::experiments

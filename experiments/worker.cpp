#include "experiments/worker.hpp"

#include "experiments/bench/stillborn.hpp"

#include <algorithm>

namespace remed::experiments {

namespace {

constexpr int steps_in_a_row = 64; // before the next world has its turn
/// How long a worker sleeps at most: orders ring no bell.
constexpr std::chrono::milliseconds longest_rest{20};
/// So few make nobody wait for long, whenever they come back.
constexpr std::size_t a_handful = 8;
/// What is kept free when worlds are begun one after the other.
constexpr double spare = 1.15;
/// Until the first has ended: how often what it took until it first waited a world takes in all.
constexpr double whole_of_opening = 8;

} // namespace

worker::worker(desk& from, const settings& how, std::shared_ptr<tools::ansible_host> host,
               std::shared_ptr<agents::process_gate> gate, const event_follower& follow,
               unsigned most)
    : desk_(from),
      follow_(follow),
      most_(most),
      gauges_(how.gauges),
      shop_(how, std::move(host), std::move(gate)) {}

void worker::work() {
  for (;;) {
    if (const auto orders = desk_.orders(); orders != obeyed_) obey(orders);
    shop_.loop.poll();
    ring_alarms();
    // Whoever has begun goes first: a new world waits for nobody, an answered one is late.
    if (ready_.empty() && start_next()) continue;
    if (!ready_.empty()) {
      const auto i = ready_.front();
      ready_.pop_front();
      visit(i);
    } else if (worlds_.empty() && desk_.nothing_left()) {
      return;
    } else {
      rest();
    }
  }
}

/// Worlds that wait cost nothing now, but all of them come back. They are begun no faster than this
/// thread could also end them, so that nobody waits for long when answers come.
bool worker::has_room() const {
  if (worlds_.size() < a_handful || opened_ == 0) return true;
  const auto whole =
      ended_ > 0 ? std::chrono::duration<double>(busy_of_ended_) / ended_
                 : std::chrono::duration<double>(busy_of_opened_) / opened_ * whole_of_opening;
  return clock::now() - began_ >= whole * static_cast<double>(started_) * spare;
}

bool worker::start_next() {
  if (worlds_.size() >= most_ || !has_room()) return false;
  const auto i = desk_.take();
  if (!i) return false;
  const auto from = clock::now();
  auto started = start_experiment(desk_.spec(*i), shop_, follow_);
  if (!started) {
    desk_.put(*i, stillborn(desk_.spec(*i), shop_.how, started.why().what));
    return true;
  }
  auto& s = worlds_[*i];
  s.world = std::move(*started);
  // A system's first experiment boots it, once for all.
  if (started_++ > 0) s.busy = clock::now() - from;
  if (started_ == 1) began_ = clock::now();
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

void worker::visit(std::size_t i) {
  auto& s = worlds_.at(i);
  const auto from = clock::now();
  if (gauges_) gauges_->waited(from - s.since);
  auto& world = *s.world;
  bool waits = false;
  for (int n = 0; n < steps_in_a_row && !waits && !world.over(); ++n) waits = !world.step();
  s.queued = false;
  s.busy += clock::now() - from;
  if (waits && ++s.visits == 1) {
    ++opened_;
    busy_of_opened_ += s.busy;
  }
  if (world.over()) {
    ++ended_;
    busy_of_ended_ += s.busy;
    world.inside().on_ready({}); // its end makes noise that nobody needs to hear
    desk_.put(i, world.finished());
    worlds_.erase(i);
    if (gauges_) gauges_->ended();
  } else if (waits) {
    alarms_.push({clock::now() + world.inside().patience(), i, s.visits});
  } else {
    queue(i, s);
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
  auto wait = longest_rest;
  if (!alarms_.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(alarms_.top().at - clock::now());
    wait = std::clamp(left, milliseconds{0}, longest_rest);
  }
  shop_.loop.run_for(wait);
}

void worker::obey(unsigned orders) {
  obeyed_ = orders;
  for (auto& [i, s] : worlds_) {
    if (const auto why = desk_.ordered_to_end(i)) s.world->cancel(*why);
  }
}

} // namespace remed::experiments

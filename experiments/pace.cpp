#include "experiments/pace.hpp"

#include <algorithm>
#include <cmath>

namespace remed::experiments {

namespace {

/// So few make nobody wait for long, whenever they come back.
constexpr std::size_t a_handful = 8;
/// The share of the thread that is given away: others are on the machine, a model's server perhaps.
constexpr double room = 0.82;
/// Until the first has ended: how often what it took until it first waited a world takes for its
/// end, and in all.
constexpr double end_of_opening = 3, whole_of_opening = 8;
/// What answers take is learnt over so many seconds: the more of them come, the less each takes,
/// since the machine's caches know the way.
constexpr double memory = 10;

} // namespace

void pace::pass(clock::time_point now) {
  const auto kept = std::exp(-seconds(now - seen_) / memory);
  answers_ *= kept;
  waited_ = waited_ * kept + static_cast<double>(in_flight_) * seconds(now - seen_);
  seen_ = now;
}

void pace::began(clock::time_point now) {
  pass(now);
  last_begin_ = now;
  ++in_flight_;
}

void pace::opened(clock::duration took) {
  ++opened_;
  openings_ += seconds(took);
}

void pace::ended(clock::time_point now, clock::duration last, clock::duration whole) {
  pass(now);
  --in_flight_;
  ++ended_;
  endings_ += seconds(last);
  wholes_ += seconds(whole);
}

double pace::spacing(double worlds_seconds, std::size_t left) const {
  const auto opening = openings_ / static_cast<double>(opened_);
  const auto ended = static_cast<double>(ended_);
  const auto whole = ended_ > 0 ? wholes_ / ended : opening * whole_of_opening;
  const auto ending = ended_ > 0 ? endings_ / ended : opening * end_of_opening;
  // For as long as one likes: as many begin as end.
  const auto steady = whole / room;
  // While the crowd grows: the ends are served when all are there, beginnings as many as are now.
  const auto answers = worlds_seconds > 0 ? answers_ / worlds_seconds : 0; // share, of each
  const auto now = answers * static_cast<double>(in_flight_);
  const auto full = now + answers * static_cast<double>(left);
  if (full >= room) return steady;
  const auto beside = ended_ > 0 ? opening + ending : opening;
  return std::min(steady, std::max(ending / (room - full), beside / (room - now)));
}

pace::clock::time_point pace::next_begin(clock::time_point now, std::size_t left) const {
  if (in_flight_ < a_handful || opened_ == 0) return now;
  const auto worlds_seconds = waited_ + static_cast<double>(in_flight_) * seconds(now - seen_);
  return last_begin_ + std::chrono::duration_cast<clock::duration>(
                           std::chrono::duration<double>(spacing(worlds_seconds, left)));
}

} // namespace remed::experiments

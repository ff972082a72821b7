// Where a closed load settles: the rate at which users come back falls with the rate at which they
// come.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace remed::env {

/// Where a falling function of a rate meets the rate itself: each value it has bounds that place on
/// both sides. What lies beyond the bounds is known without a look.
class meeting_bounds {
public:
  void add(double rate, double value) {
    least_ = std::max(least_, std::min(rate, value));
    most_ = std::min(most_, std::max(rate, value));
  }
  /// Whether the function is above this rate, as far as that is certain whatever is rounded.
  std::optional<bool> is_above(double rate) const {
    constexpr double margin = 1e-9;
    if (rate < least_ * (1 - margin)) return true;
    if (rate > most_ * (1 + margin)) return false;
    return std::nullopt;
  }
  double within(double rate) const { return std::clamp(rate, least_, std::max(least_, most_)); }
  double width() const { return most_ - least_; }

private:
  double least_ = 0, most_ = std::numeric_limits<double>::infinity();
};

/// The rate in (0, high) at which `falling` has the value of the rate: as halving the range so many
/// times tells it, by whether the function is above each middle, but mostly without looking.
template <class F>
double meeting_rate(F falling, double high, int halvings) {
  constexpr int guesses = 4;
  meeting_bounds bounds;
  const auto look = [&](double rate) {
    const auto value = falling(rate);
    bounds.add(rate, value);
    return value;
  };
  // Near the meeting the function is a line: where that meets the rate is soon as good as known.
  const auto enough = std::ldexp(high, -halvings);
  double before = high, then = look(before), rate = then;
  for (int i = 1; i < guesses && rate != before && bounds.width() > enough; ++i) {
    const auto now = look(rate);
    const auto slope = (now - then) / (rate - before);
    before = rate;
    then = now;
    rate = bounds.within(rate + (now - rate) / (1 - slope));
  }
  double low = 0, middle = high;
  for (int i = 0; i < halvings; ++i) {
    middle = (low + high) / 2;
    const auto known = bounds.is_above(middle);
    const bool above = known ? *known : look(middle) > middle;
    (above ? low : high) = middle;
  }
  return middle;
}

} // namespace remed::env

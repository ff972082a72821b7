#include "environments/embedded/meeting_rate.hpp"

#include "runtime/random.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

constexpr int halvings = 18;

double by_halving_alone(const auto& falling, double high) {
  double low = 0, middle = high;
  for (int i = 0; i < halvings; ++i) {
    middle = (low + high) / 2;
    (falling(middle) > middle ? low : high) = middle;
  }
  return middle;
}

} // namespace

TEST_CASE("bounds find the rate that halving alone finds") {
  random_source chance{3};
  int looks = 0;
  for (int i = 0; i < 400; ++i) {
    // Users who wait for a queue that may be full from some rate on.
    const double users = 0.5 + 50 * chance.unit(), think = 0.5 + 5 * chance.unit();
    const double full = users / think * (0.05 + 2 * chance.unit()), work = chance.unit();
    const double jump = i % 3 == 0 ? 10 : 0;
    const auto turns = [&](double rate) {
      const auto load = std::min(0.98, rate / full);
      return users / (think + work / (1 - load) + (rate > full ? jump : 0));
    };
    const auto counted = [&](double rate) {
      ++looks;
      return turns(rate);
    };
    const auto high = users / think;
    CHECK(meeting_rate(counted, high, halvings) == by_halving_alone(turns, high));
  }
  CHECK(looks < 400 * halvings * 2 / 3);
}

TEST_CASE("a function that does not fall at all meets the rate at its value") {
  CHECK(meeting_rate([](double) { return 3.0; }, 8, halvings) == doctest::Approx(3).epsilon(1e-4));
  CHECK(meeting_rate([](double) { return 8.0; }, 8, halvings) == doctest::Approx(8).epsilon(1e-4));
}

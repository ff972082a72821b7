#include "experiments/results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace remed::experiments {

namespace {

/// Below this many discordant pairs the exact test is made.
constexpr std::int64_t exact_below = 25;

/// P(X ≤ k) for X ~ Binomial(n, 1/2).
double binomial_half_tail(std::int64_t k, std::int64_t n) {
  double term = std::pow(0.5, static_cast<double>(n)), sum = 0;
  for (std::int64_t i = 0; i <= k; ++i) {
    sum += term;
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  }
  return sum;
}

} // namespace

interval wilson(std::int64_t k, std::int64_t n, double z) {
  if (n <= 0) return {0, 1};
  const auto total = static_cast<double>(n);
  const double p = static_cast<double>(k) / total;
  const double z2 = z * z;
  const double centre = (p + z2 / (2 * total)) / (1 + z2 / total);
  const double half =
      z / (1 + z2 / total) * std::sqrt(p * (1 - p) / total + z2 / (4 * total * total));
  // At the ends the formula is exact, floating point is not.
  return {k == 0 ? 0 : std::max(0.0, centre - half), k == n ? 1 : std::min(1.0, centre + half)};
}

double mcnemar(std::int64_t b, std::int64_t c) {
  const auto n = b + c;
  if (n == 0) return 1;
  if (n < exact_below) return std::min(1.0, 2 * binomial_half_tail(std::min(b, c), n));
  const auto apart = std::max(0.0, std::abs(static_cast<double>(b - c)) - 1);
  const double chi2 = apart * apart / static_cast<double>(n);
  return std::erfc(std::sqrt(chi2 / 2)); // upper tail of chi-squared with one degree of freedom
}

std::optional<double> pass_at_k(std::int64_t n, std::int64_t successes, std::int64_t k) {
  if (k > n || k < 1) return std::nullopt;
  if (n - successes < k) return 1.0;
  double none = 1;
  for (std::int64_t i = 0; i < k; ++i) {
    none *= static_cast<double>(n - successes - i) / static_cast<double>(n - i);
  }
  return 1 - none;
}

std::optional<double> quantile(std::vector<double> values, double q) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const auto high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

std::optional<double> mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

} // namespace remed::experiments

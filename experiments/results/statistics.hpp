// The statistics of reports: pure functions of counts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace remed::experiments {

struct interval {
  double low = 0, high = 1;
};

/// Wilson's score interval for a share of k in n, at 95 % unless another z is given (Wilson 1927;
/// without continuity correction, method 3 of Newcombe 1998). n = 0 tells nothing: [0, 1].
interval wilson(std::int64_t k, std::int64_t n, double z = 1.959963984540054);

/// McNemar's test on discordant pairs: `b` where only the first succeeded, `c` where only the
/// second did. Two-sided p: the exact binomial one for fewer than 25 of them, else chi-squared with
/// Edwards' continuity correction. 1 when there is none.
double mcnemar(std::int64_t b, std::int64_t c);

/// The unbiased estimate of the chance that at least one of k tries succeeds, from `successes` in
/// `n` tries: 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374). None when k > n.
std::optional<double> pass_at_k(std::int64_t n, std::int64_t successes, std::int64_t k);

/// Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996), q in [0, 1]. None
/// of no values.
std::optional<double> quantile(std::vector<double> values, double q);
std::optional<double> mean(const std::vector<double>& values);

} // namespace remed::experiments

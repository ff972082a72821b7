#include "experiments/results/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace remed::experiments;

TEST_CASE("Wilson's intervals are those of the literature") {
  // Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
  struct row {
    int k, n;
    double low, high;
  };
  for (const auto& r : {row{81, 263, 0.2553, 0.3662}, row{15, 148, 0.0624, 0.1605},
                        row{0, 20, 0.0000, 0.1611}, row{1, 29, 0.0061, 0.1718}}) {
    CAPTURE(r.k);
    const auto i = wilson(r.k, r.n);
    CHECK_LT(std::abs(i.low - r.low), 0.00005 + 1e-9);
    CHECK_LT(std::abs(i.high - r.high), 0.00005 + 1e-9);
  }
}

TEST_CASE("Wilson's interval is symmetric, reaches its end, and nothing tells nothing") {
  const auto few = wilson(1, 29), most = wilson(28, 29);
  CHECK_EQ(few.low, doctest::Approx(1 - most.high));
  CHECK_EQ(few.high, doctest::Approx(1 - most.low));
  CHECK_EQ(wilson(23, 23).high, 1.0);
  CHECK_EQ(wilson(23, 23).low, doctest::Approx(23 / (23 + 1.959963984540054 * 1.959963984540054)));
  CHECK_EQ(wilson(0, 0).low, 0.0);
  CHECK_EQ(wilson(0, 0).high, 1.0);
}

TEST_CASE("McNemar's test is the exact binomial one for few pairs") {
  // By hand: 2 (C(10,0) + C(10,1)) / 2^10 and 2 (C(5,0)) / 2^5.
  CHECK_EQ(mcnemar(1, 9), doctest::Approx(22.0 / 1024));
  CHECK_EQ(mcnemar(0, 5), doctest::Approx(2.0 / 32));
  CHECK_EQ(mcnemar(9, 1), mcnemar(1, 9));
  CHECK_EQ(mcnemar(3, 3), 1.0);
  CHECK_EQ(mcnemar(0, 0), 1.0);
  // The cut: 2 sum C(24,i), i <= 6, / 2^24 = 2 * 190051 / 16777216.
  CHECK_EQ(mcnemar(6, 18), doctest::Approx(2 * 190051.0 / 16777216.0));
}

TEST_CASE("McNemar's test is chi-squared with Edwards' correction for many pairs") {
  // McNemar's classic example of before and after treatment (Sheskin; b = 121, c = 59):
  // (|121 - 59| - 1)^2 / 180 = 20.67, p = 5.45e-6.
  CHECK_EQ(mcnemar(121, 59), doctest::Approx(5.45e-6).epsilon(0.01));
  // (|15 - 10| - 1)^2 / 25 = 0.64, p = 0.4237.
  CHECK_EQ(mcnemar(15, 10), doctest::Approx(0.42371).epsilon(1e-4));
}

TEST_CASE("pass@k is the unbiased estimate") {
  CHECK_EQ(*pass_at_k(5, 2, 1), doctest::Approx(0.4));
  CHECK_EQ(*pass_at_k(5, 2, 2), doctest::Approx(1 - 3.0 / 10)); // 1 - C(3,2) / C(5,2)
  CHECK_EQ(*pass_at_k(5, 2, 4), 1.0);
  CHECK_EQ(*pass_at_k(10, 3, 5), doctest::Approx(1 - 21.0 / 252)); // 1 - C(7,5) / C(10,5)
  CHECK_EQ(*pass_at_k(3, 0, 3), 0.0);
  CHECK_FALSE(pass_at_k(3, 1, 4));
}

TEST_CASE("quantiles interpolate, and of nothing there is none") {
  CHECK_EQ(*quantile({4, 1, 3, 2}, 0.5), doctest::Approx(2.5));
  CHECK_EQ(*quantile({4, 1, 3, 2}, 0.9), doctest::Approx(3.7));
  CHECK_EQ(*quantile({7}, 0.9), 7.0);
  CHECK_EQ(*mean({1, 2, 6}), 3.0);
  CHECK_FALSE(quantile({}, 0.5));
  CHECK_FALSE(mean({}));
}

#include "environments/embedded/quantity.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace remed::env;

TEST_CASE("quantities beyond 64 bits are capped, not undefined") {
  CHECK(decimal_quantity(*parse_quantity("0.1E")) == "9223372036854774784m");
  CHECK(decimal_quantity(-1e300) == "-9223372036854774784m");
  CHECK(binary_quantity(1e300) == "9007199254740991Ki");
  CHECK(binary_quantity(*parse_quantity("1Ei")) == "1048576Ti");
}

TEST_CASE("words and signs alone are no quantities") {
  for (const auto* text : {"inf", "-inf", "nan", "infinity", "-nan", "", "+", "-", "--1", "+-1",
                           "m", "1e400", "1 Gi", "1GiB"}) {
    CHECK_MESSAGE(!parse_quantity(text), text);
  }
  CHECK(*parse_quantity("+1") == 1);
  CHECK(*parse_quantity(".5") == 0.5);
  CHECK(*parse_quantity("-1.5k") == -1500);
  CHECK(*parse_quantity("1E") == 1e18);
}

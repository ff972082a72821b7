#include "environments/embedded/node/program.hpp"

#include <doctest/doctest.h>

using namespace remed::env;

TEST_CASE("sleep counts seconds by its unit and sleeps for ever when told to") {
  CHECK_EQ(sleep_seconds("3600").value(), 3600);
  CHECK_EQ(sleep_seconds("1h").value(), 3600);
  CHECK_EQ(sleep_seconds("0.5").value(), 0.5);
  for (const auto* never : {"infinity", "inf", "nan", "soon", "", "5x"}) {
    CHECK_FALSE(sleep_seconds(never));
  }
}

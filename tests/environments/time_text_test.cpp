#include "environments/embedded/api/text.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace std::chrono_literals;

TEST_CASE("a time is read as RFC 3339 has it: fractions, zones, leap days") {
  CHECK(parse_time("1970-01-01T00:00:00Z") == vtime{});
  CHECK(parse_time("2026-01-01T00:00:00Z") == stepped_epoch);
  CHECK(parse_time("2026-01-01T00:00:01.5Z") == stepped_epoch + 1500ms);
  CHECK(parse_time("2026-01-01T00:00:00.1234567Z") == stepped_epoch + 123456us);
  CHECK(parse_time("2026-01-01T02:30:00+02:30") == stepped_epoch);
  CHECK(parse_time("2025-12-31T19:00:00-05:00") == stepped_epoch);
  CHECK(parse_time("2024-02-29T00:00:00Z"));
  CHECK(parse_time("9999-12-31T23:59:59Z"));
}

TEST_CASE("what is no time by RFC 3339 is none") {
  for (const char* text : {"", "now", "2026-01-01", "2026-01-01T00:00:00", "2026-1-01T00:00:00Z",
                           "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                           "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
                           "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx", "2026-01-01 00:00:00Z",
                           "2026-01-01T00:00:00+1:00", "+026-01-01T00:00:00Z", "0-3--1T5:0:0Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text));
  }
}

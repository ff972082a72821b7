#include "runtime/time.hpp"

#include <chrono>
#include <cstdint>

namespace remed {

namespace {

void put_digits(char* to, int count, std::int64_t value) {
  for (; count > 0; --count, value /= 10) to[count - 1] = static_cast<char>('0' + value % 10);
}

/// Asked with each write of an object: by the calendar itself, not by way of the locale.
std::string format(vtime t, bool micro) {
  using namespace std::chrono;
  const auto day = floor<days>(t.time_since_epoch());
  const year_month_day date{sys_days{day}};
  const auto us = duration_cast<microseconds>(t.time_since_epoch() - day).count();
  const auto second = us / 1'000'000;
  const int year = static_cast<int>(date.year());
  std::string out = micro ? "0000-00-00T00:00:00.000000Z" : "0000-00-00T00:00:00Z";
  put_digits(out.data() + 5, 2, static_cast<unsigned>(date.month()));
  put_digits(out.data() + 8, 2, static_cast<unsigned>(date.day()));
  put_digits(out.data() + 11, 2, second / 3600);
  put_digits(out.data() + 14, 2, second / 60 % 60);
  put_digits(out.data() + 17, 2, second % 60);
  if (micro) put_digits(out.data() + 20, 6, us % 1'000'000);
  if (year >= 0 && year <= 9999)
    put_digits(out.data(), 4, year);
  else
    out.replace(0, 4, std::to_string(year));
  return out;
}

} // namespace

std::string rfc3339(vtime t) {
  return format(t, false);
}

std::string rfc3339_micro(vtime t) {
  return format(t, true);
}

} // namespace remed

// Virtual time: what a world's clock shows. Microseconds, so that a log line prints exactly.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace remed {

using duration = std::chrono::microseconds;

/// The tag of a world's clock: it is advanced by the world, never read from the machine.
struct virtual_clock {
  using duration = remed::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<virtual_clock>;
  static constexpr bool is_steady = true;
};

/// A point in virtual time; counts microseconds since the Unix epoch of the world's calendar.
using vtime = virtual_clock::time_point;

/// Where the calendar of a stepped world starts: fixed, so that a run repeats byte for byte.
inline constexpr vtime stepped_epoch{std::chrono::seconds{1767225600}}; // 2026-01-01T00:00:00Z

/// Seconds as a number, for logs and reports.
inline double seconds(duration d) {
  return std::chrono::duration<double>(d).count();
}

/// A duration from a number of seconds.
inline duration from_seconds(double s) {
  return duration{static_cast<std::int64_t>(s * 1e6)};
}

/// RFC 3339 in UTC with whole seconds, as Kubernetes writes it: 2026-01-01T00:00:00Z.
std::string rfc3339(vtime t);
/// RFC 3339 with microseconds, Kubernetes' MicroTime: 2026-01-01T00:00:00.000000Z.
std::string rfc3339_micro(vtime t);

} // namespace remed

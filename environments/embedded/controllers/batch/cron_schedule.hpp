// When a CronJob runs: cron expressions as robfig/cron's standard parser reads them, in a time
// zone.
#pragma once

#include "runtime/result.hpp"
#include "runtime/time.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace remed::env {

/// Offsets of a time zone from UTC, read from the machine's zoneinfo; fixed once loaded.
class time_zone {
public:
  /// "" and "UTC" need no file. Fails with Go's text: `unknown time zone X`.
  static result<time_zone> load(const std::string& name);
  /// Seconds east of UTC at a moment.
  std::int64_t offset(std::int64_t unix_seconds) const;

private:
  struct transition {
    std::int64_t at = 0, offset = 0;
  };
  std::vector<transition> transitions_;
  std::int64_t first_offset_ = 0;
};

class cron_schedule {
public:
  /// Five fields with lists, ranges, steps and names, @hourly and its like, @every DURATION.
  static result<cron_schedule> parse(const std::string& text);
  /// The first time after `after`; none within five years.
  std::optional<vtime> next(vtime after, const time_zone& zone) const;

private:
  std::array<std::uint64_t, 5> fields_{}; ///< bits of minute, hour, day, month, weekday
  bool any_day_ = false, any_weekday_ = false;
  duration every_{}; ///< of @every; zero: none
};

} // namespace remed::env

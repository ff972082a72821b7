// When a schedule runs: cron with an optional field of seconds before the usual five, or @every.
#pragma once

#include "environments/embedded/controllers/batch/cron_schedule.hpp"

#include <optional>
#include <string>

namespace remed::chaos::mesh {

class timetable {
public:
  /// Fails with the parser's text: `expected 5 to 6 fields, found 1: [x]`.
  static result<timetable> parse(const std::string& text);
  /// The first time after `after`; none within five years.
  std::optional<vtime> next(vtime after) const;

private:
  timetable(env::cron_schedule minutes) : minutes_(std::move(minutes)) {}

  env::cron_schedule minutes_;
  /// Allowed seconds, as a schedule of minutes of an hour.
  std::optional<env::cron_schedule> seconds_;
};

} // namespace remed::chaos::mesh

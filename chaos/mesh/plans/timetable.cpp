#include "chaos/mesh/plans/timetable.hpp"

#include "environments/embedded/api/text.hpp"

#include <vector>

namespace remed::chaos::mesh {

namespace {

constexpr std::chrono::minutes a_minute{1};

vtime minute_of(vtime t) {
  return vtime{std::chrono::floor<std::chrono::minutes>(t.time_since_epoch())};
}

} // namespace

result<timetable> timetable::parse(const std::string& text) {
  std::vector<std::string> words;
  for (auto& word : env::split(text, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  const bool fields = !words.empty() && words[0][0] != '@';
  if (fields && words.size() != 5 && words.size() != 6) {
    return failure{errc::bad_input, "expected 5 to 6 fields, found " +
                                        std::to_string(words.size()) + ": [" +
                                        env::join(words, " ") + "]"};
  }
  const bool with_seconds = fields && words.size() == 6;
  auto rest = with_seconds ? env::join({words.begin() + 1, words.end()}, " ") : text;
  auto minutes = env::cron_schedule::parse(rest);
  if (!minutes) return minutes.why();
  timetable out(*minutes);
  if (!with_seconds) return out;
  // Seconds have the bounds of minutes: read the field as one of those.
  auto seconds = env::cron_schedule::parse(words[0] + " * * * *");
  if (!seconds) return seconds.why();
  out.seconds_ = *seconds;
  return out;
}

std::optional<vtime> timetable::next(vtime after) const {
  static const env::time_zone utc;
  if (!seconds_) return minutes_.next(after, utc);
  auto minute = minute_of(after);
  if (minutes_.next(minute - a_minute, utc) != minute) {
    auto first = minutes_.next(after, utc);
    if (!first) return std::nullopt;
    minute = *first;
  }
  const auto past = std::chrono::floor<std::chrono::seconds>(after - minute).count();
  // The second `past` is the minute `past` of an hour; a later hour is a later minute.
  const auto found = seconds_->next(vtime{} + std::chrono::minutes{past}, utc);
  if (past >= 0 && found && *found < vtime{} + std::chrono::hours{1}) {
    return minute + std::chrono::seconds{(*found - vtime{}) / a_minute};
  }
  if (past >= 0) {
    auto later = minutes_.next(minute, utc);
    if (!later) return std::nullopt;
    minute = *later;
  }
  const auto first = seconds_->next(vtime{} - a_minute, utc);
  if (!first) return std::nullopt;
  return minute + std::chrono::seconds{(*first - vtime{}) / a_minute};
}

} // namespace remed::chaos::mesh

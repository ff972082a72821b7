#include "environments/embedded/controllers/batch/cron_schedule.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>

namespace remed::env {

namespace {

struct bounds {
  int least, most;
  std::map<std::string, int> names;
};

const bounds& bounds_of(std::size_t field) {
  static const std::array<bounds, 5> all{
      bounds{0, 59, {}}, bounds{0, 23, {}}, bounds{1, 31, {}},
      bounds{1,
             12,
             {{"jan", 1},
              {"feb", 2},
              {"mar", 3},
              {"apr", 4},
              {"may", 5},
              {"jun", 6},
              {"jul", 7},
              {"aug", 8},
              {"sep", 9},
              {"oct", 10},
              {"nov", 11},
              {"dec", 12}}},
      bounds{0,
             6,
             {{"sun", 0}, {"mon", 1}, {"tue", 2}, {"wed", 3}, {"thu", 4}, {"fri", 5}, {"sat", 6}}}};
  return all[field];
}

std::string lower(std::string text) {
  for (auto& ch : text) ch = static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
  return text;
}

result<int> number(const std::string& text, const bounds& of) {
  auto named = of.names.find(lower(text));
  if (named != of.names.end()) return named->second;
  if (text.empty() || text.size() > 6 ||
      text.find_first_not_of("0123456789") != std::string::npos) {
    return failure{errc::bad_input, "failed to parse int from " + text +
                                        ": strconv.Atoi: parsing " + go_quote(text) +
                                        ": invalid syntax"};
  }
  return std::atoi(text.c_str());
}

/// "*", "*/5", "1-5", "1-5/2", "7/2", "mon".
result<std::uint64_t> range_bits(const std::string& text, const bounds& of) {
  auto slash = text.find('/');
  auto range = text.substr(0, slash);
  auto dash = range.find('-');
  int from = of.least, to = of.most, step = 1;
  if (range != "*" && range != "?") {
    auto low = number(range.substr(0, dash), of);
    if (!low) return low.why();
    from = to = *low;
    if (dash != std::string::npos) {
      auto high = number(range.substr(dash + 1), of);
      if (!high) return high.why();
      to = *high;
    } else if (slash != std::string::npos) {
      to = of.most;
    }
  }
  if (slash != std::string::npos) {
    auto given = number(text.substr(slash + 1), {0, 0, {}});
    if (!given) return given.why();
    step = *given;
  }
  auto fail = [&](const std::string& why) { return failure{errc::bad_input, why + ": " + text}; };
  if (from < of.least)
    return fail("beginning of range (" + std::to_string(from) + ") below minimum (" +
                std::to_string(of.least) + ")");
  if (to > of.most)
    return fail("end of range (" + std::to_string(to) + ") above maximum (" +
                std::to_string(of.most) + ")");
  if (from > to)
    return fail("beginning of range (" + std::to_string(from) + ") beyond end of range (" +
                std::to_string(to) + ")");
  if (step == 0) return fail("step of range should be a positive number");
  std::uint64_t bits = 0;
  for (int i = from; i <= to; i += step) bits |= std::uint64_t{1} << i;
  return bits;
}

/// Go's time.ParseDuration as far as whole units go: "1h30m", "90s".
std::optional<duration> go_duration(const std::string& text) {
  duration sum{};
  std::size_t at = 0;
  while (at < text.size()) {
    auto end = text.find_first_not_of("0123456789.", at);
    if (end == at || end == std::string::npos) return std::nullopt;
    auto value = std::strtod(text.c_str() + at, nullptr);
    auto unit_end = text.find_first_of("0123456789.", end);
    auto unit = text.substr(end, unit_end == std::string::npos ? unit_end : unit_end - end);
    double size = unit == "h" ? 3600 : unit == "m" ? 60 : unit == "s" ? 1 : unit == "ms" ? 1e-3 : 0;
    if (size == 0) return std::nullopt;
    sum += from_seconds(value * size);
    at = unit_end == std::string::npos ? text.size() : unit_end;
  }
  if (sum <= duration{0}) return std::nullopt;
  return sum;
}

std::uint64_t big_endian(const std::string& data, std::size_t at, std::size_t bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i) out = out << 8 | static_cast<unsigned char>(data[at + i]);
  return out;
}

struct zone_header {
  std::size_t isut = 0, isstd = 0, leap = 0, times = 0, types = 0, chars = 0;
};

/// RFC 8536 §3.1; none when the data is too short or no TZif.
std::optional<zone_header> read_header(const std::string& data, std::size_t at) {
  if (data.size() < at + 44 || data.compare(at, 4, "TZif") != 0) return std::nullopt;
  zone_header h;
  std::size_t i = at + 20;
  for (auto* field : {&h.isut, &h.isstd, &h.leap, &h.times, &h.types, &h.chars}) {
    *field = static_cast<std::size_t>(big_endian(data, i, 4));
    i += 4;
  }
  return h;
}

} // namespace

result<time_zone> time_zone::load(const std::string& name) {
  time_zone out;
  if (name.empty() || name == "UTC" || name == "Etc/UTC") return out;
  failure unknown{errc::bad_input, "unknown time zone " + name};
  if (name.find("..") != std::string::npos || name[0] == '/') return unknown;
  std::ifstream file("/usr/share/zoneinfo/" + name, std::ios::binary);
  std::string data((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto first = read_header(data, 0);
  if (!first || first->times > 100'000) return unknown;
  // The second block repeats the first with 64-bit times.
  auto at = 44 + first->times * 5 + first->types * 6 + first->chars + first->leap * 8 +
            first->isstd + first->isut;
  auto h = read_header(data, at);
  if (!h) return unknown;
  at += 44;
  auto types = at + h->times * 9;
  if (data.size() < types + h->types * 6) return unknown;
  auto offset_of = [&](std::size_t type) {
    return static_cast<std::int64_t>(
        static_cast<std::int32_t>(big_endian(data, types + type * 6, 4)));
  };
  out.first_offset_ = offset_of(0);
  for (std::size_t i = 0; i < h->times; ++i) {
    auto type = static_cast<unsigned char>(data[at + h->times * 8 + i]);
    out.transitions_.push_back(
        {static_cast<std::int64_t>(big_endian(data, at + i * 8, 8)), offset_of(type)});
  }
  return out;
}

std::int64_t time_zone::offset(std::int64_t unix_seconds) const {
  auto after = std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds,
                                [](std::int64_t t, const auto& one) { return t < one.at; });
  return after == transitions_.begin() ? first_offset_ : std::prev(after)->offset;
}

result<cron_schedule> cron_schedule::parse(const std::string& text) {
  static const std::map<std::string, std::string> shorthands{
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
      {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
      {"@hourly", "0 * * * *"}};
  cron_schedule out;
  if (text.empty()) return failure{errc::bad_input, "empty spec string"};
  if (text.starts_with("@every ")) {
    auto every = go_duration(text.substr(7));
    if (!every)
      return failure{errc::bad_input, "failed to parse duration " + text +
                                          ": time: invalid duration " + go_quote(text.substr(7))};
    out.every_ = std::max<duration>(*every, std::chrono::seconds{1});
    return out;
  }
  auto spec = text;
  if (text[0] == '@') {
    auto known = shorthands.find(text);
    if (known == shorthands.end())
      return failure{errc::bad_input, "unrecognized descriptor: " + text};
    spec = known->second;
  }
  std::vector<std::string> words;
  for (auto& word : split(spec, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (words.size() != 5) {
    return failure{errc::bad_input, "expected exactly 5 fields, found " +
                                        std::to_string(words.size()) + ": [" + join(words, " ") +
                                        "]"};
  }
  for (std::size_t i = 0; i < 5; ++i) {
    for (const auto& part : split(words[i], ',')) {
      auto bits = range_bits(part, bounds_of(i));
      if (!bits) return bits.why();
      out.fields_[i] |= *bits;
    }
  }
  auto is_star = [](const std::string& word) { return word[0] == '*' || word[0] == '?'; };
  out.any_day_ = is_star(words[2]);
  out.any_weekday_ = is_star(words[4]);
  return out;
}

std::optional<vtime> cron_schedule::next(vtime after, const time_zone& zone) const {
  if (every_ > duration{0}) {
    auto whole = std::chrono::floor<std::chrono::seconds>(after.time_since_epoch());
    return vtime{whole} + every_;
  }
  using namespace std::chrono;
  auto start = floor<std::chrono::seconds>(after.time_since_epoch()).count();
  auto t = start - start % 60 + 60;
  auto has = [&](std::size_t field, unsigned value) { return (fields_[field] >> value & 1) != 0; };
  for (const auto limit = t + 5 * 366 * 86400LL; t < limit;) {
    auto local = t + zone.offset(t);
    auto day = sys_days{days{(local - (local % 86400 + 86400) % 86400) / 86400}};
    year_month_day date{day};
    auto second = local - duration_cast<std::chrono::seconds>(day.time_since_epoch()).count();
    bool by_day = has(2, static_cast<unsigned>(date.day()));
    bool by_weekday = has(4, weekday{day}.c_encoding());
    // When both are restricted, either will do.
    bool fits = any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
    if (!has(3, static_cast<unsigned>(date.month())) || !fits) {
      t += 86400 - second;
      // A day's length changes with the clocks: never jump over midnight.
      auto behind = t + zone.offset(t) - (local - second) - 86400;
      if (behind > 0) t -= behind;
    } else if (!has(1, static_cast<unsigned>(second / 3600))) {
      t += 3600 - second % 3600;
    } else if (!has(0, static_cast<unsigned>(second / 60 % 60))) {
      t += 60;
    } else {
      return vtime{std::chrono::seconds{t}};
    }
  }
  return std::nullopt;
}

} // namespace remed::env

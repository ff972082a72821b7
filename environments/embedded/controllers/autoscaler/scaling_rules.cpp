#include "environments/embedded/controllers/autoscaler/scaling_rules.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

constexpr std::int64_t longest_memory_s = 3600; // the longest window and period that are allowed

std::int64_t micros(vtime t) {
  return t.time_since_epoch().count();
}

void note(json& list, std::int64_t n, vtime now) {
  if (!list.is_array()) list = json::array();
  auto kept = json::array();
  for (const auto& one : list) {
    if (int_at(one, {"t"}) > micros(now) - longest_memory_s * 1'000'000) kept.push_back(one);
  }
  auto fresh = json::object();
  fresh["t"] = micros(now);
  fresh["n"] = n;
  kept.push_back(std::move(fresh));
  list = std::move(kept);
}

/// Replicas added or removed in the last `seconds`.
std::int64_t changed_in(const json& list, std::int64_t seconds, vtime now) {
  std::int64_t sum = 0;
  for (const auto& one : list) {
    if (int_at(one, {"t"}) > micros(now) - seconds * 1'000'000) sum += int_at(one, {"n"});
  }
  return sum;
}

/// The least (or most) that was recommended in the last `seconds`.
std::int64_t extreme(const json& list, std::int64_t seconds, vtime now, std::int64_t start,
                     bool least) {
  for (const auto& one : list) {
    if (int_at(one, {"t"}) <= micros(now) - seconds * 1'000'000) continue;
    auto n = int_at(one, {"n"});
    start = least ? std::min(start, n) : std::max(start, n);
  }
  return start;
}

const json& default_rules(bool up) {
  static const json ups = json::parse(R"({"stabilizationWindowSeconds": 0, "selectPolicy": "Max",
    "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15},
                 {"type": "Percent", "value": 100, "periodSeconds": 15}]})");
  static const json downs = json::parse(R"({"stabilizationWindowSeconds": 300,
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]})");
  return up ? ups : downs;
}

/// One direction's rules, what is not given taken from the defaults.
json rules_of(const json& autoscaler, bool up) {
  auto out = default_rules(up);
  const auto& given = at_path(autoscaler, {"spec", "behavior", up ? "scaleUp" : "scaleDown"});
  if (given.is_object()) out.update(given);
  return out;
}

/// How far one step may go from `current` in a direction.
std::int64_t rate_limit(const json& rules, const json& memory, std::int64_t current, bool up,
                        vtime now) {
  auto select = text_at(rules, {"selectPolicy"}, "Max");
  if (select == "Disabled") return current;
  std::optional<std::int64_t> out;
  for (const auto& policy : at_path(rules, {"policies"})) {
    auto period = int_at(policy, {"periodSeconds"});
    auto start = current - changed_in(at_path(memory, {"ups"}), period, now) +
                 changed_in(at_path(memory, {"downs"}), period, now);
    auto value = int_at(policy, {"value"});
    auto step = static_cast<double>(start) * static_cast<double>(value) / 100;
    std::int64_t bound;
    if (text_at(policy, {"type"}) == "Pods")
      bound = up ? start + value : start - value;
    else if (up)
      bound = static_cast<std::int64_t>(std::ceil(static_cast<double>(start) + step - 1e-9));
    else
      bound = static_cast<std::int64_t>(std::floor(static_cast<double>(start) - step + 1e-9));
    // "Max" allows the largest change: the highest bound upwards, the lowest downwards.
    bool higher = (select == "Max") == up;
    if (!out)
      out = bound;
    else
      out = higher ? std::max(*out, bound) : std::min(*out, bound);
  }
  return out.value_or(current);
}

condition_text within() {
  return {false, "DesiredWithinRange", "the desired count is within the acceptable range"};
}
condition_text too_few() {
  return {true, "TooFewReplicas",
          "the desired replica count is less than the minimum replica count"};
}
condition_text too_many() {
  return {true, "TooManyReplicas",
          "the desired replica count is more than the maximum replica count"};
}
condition_text up_limit() {
  return {true, "ScaleUpLimit",
          "the desired replica count is increasing faster than the maximum scale rate"};
}
condition_text down_limit() {
  return {true, "ScaleDownLimit",
          "the desired replica count is decreasing faster than the maximum scale rate"};
}
condition_text ready_to_scale() {
  return {true, "ReadyForNewScale", "recommended size matches current size"};
}
condition_text down_stabilized() {
  return {true, "ScaleDownStabilized",
          "recent recommendations were higher than current one, applying the highest recent "
          "recommendation"};
}
condition_text up_stabilized() {
  return {true, "ScaleUpStabilized",
          "recent recommendations were lower than current one, applying the lowest recent "
          "recommendation"};
}

struct range {
  std::int64_t least = 1, most = 1;
};

scaling_decision without_behavior(const range& allowed, scaling_memory& memory,
                                  std::int64_t current, std::int64_t wanted, vtime now) {
  scaling_decision out;
  out.replicas = extreme(at_path(memory, {"recommendations"}), 300, now, wanted, false);
  out.able = out.replicas != wanted ? down_stabilized() : ready_to_scale();
  auto fastest = std::max<std::int64_t>(2 * current, 4);
  auto most = std::min(allowed.most, fastest);
  out.limited = within();
  if (out.replicas < allowed.least) {
    out.limited = too_few();
    out.replicas = allowed.least;
  } else if (out.replicas > most) {
    out.limited = allowed.most > fastest ? up_limit() : too_many();
    out.replicas = most;
  }
  return out;
}

std::int64_t stabilized(const json& autoscaler, const json& memory, std::int64_t current,
                        std::int64_t wanted, vtime now) {
  const auto& past = at_path(memory, {"recommendations"});
  auto window = [&](bool up) {
    return int_at(rules_of(autoscaler, up), {"stabilizationWindowSeconds"});
  };
  auto up = extreme(past, window(true), now, wanted, true);
  auto down = extreme(past, window(false), now, wanted, false);
  return std::min(std::max(current, up), down);
}

scaling_decision with_behavior(const json& autoscaler, const range& allowed, scaling_memory& memory,
                               std::int64_t current, std::int64_t wanted, vtime now) {
  scaling_decision out;
  out.replicas = stabilized(autoscaler, memory, current, wanted, now);
  out.able = out.replicas == wanted ? ready_to_scale()
             : wanted >= current    ? up_stabilized()
                                    : down_stabilized();
  out.limited = within();
  if (out.replicas > current) {
    auto fastest =
        std::max(current, rate_limit(rules_of(autoscaler, true), memory, current, true, now));
    if (out.replicas > std::min(allowed.most, fastest)) {
      out.limited = allowed.most > fastest ? up_limit() : too_many();
      out.replicas = std::min(allowed.most, fastest);
    }
  } else if (out.replicas < current) {
    auto fastest =
        std::min(current, rate_limit(rules_of(autoscaler, false), memory, current, false, now));
    if (out.replicas < std::max(allowed.least, fastest)) {
      out.limited = allowed.least < fastest ? down_limit() : too_few();
      out.replicas = std::max(allowed.least, fastest);
    }
  }
  return out;
}

} // namespace

scaling_decision bounded(const json& autoscaler, scaling_memory& memory, std::int64_t current,
                         std::int64_t wanted, vtime now) {
  range allowed{int_at(autoscaler, {"spec", "minReplicas"}, 1),
                int_at(autoscaler, {"spec", "maxReplicas"}, 1)};
  if (!memory.is_object()) memory = json::object();
  // What was there before the first look counts as recommended.
  if (!memory.contains("recommendations")) note(memory["recommendations"], current, now);
  bool ruled = at_path(autoscaler, {"spec", "behavior"}).is_object();
  auto out = ruled ? with_behavior(autoscaler, allowed, memory, current, wanted, now)
                   : without_behavior(allowed, memory, current, wanted, now);
  note(memory["recommendations"], wanted, now);
  return out;
}

void note_scaling(scaling_memory& memory, std::int64_t from, std::int64_t to, vtime now) {
  if (!memory.is_object()) memory = json::object();
  note(memory[to > from ? "ups" : "downs"], std::abs(to - from), now);
}

} // namespace remed::env

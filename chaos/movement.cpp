#include "chaos/movement.hpp"

#include "chaos/differences.hpp"
#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace remed::chaos {

namespace {

/// A pod that is not ready, has not failed yet and is younger than this may still come up.
constexpr auto start_patience = std::chrono::minutes{3};

bool has_failed(const json& pod) {
  const auto& all = env::at_path(pod, {"status", "containerStatuses"});
  return std::any_of(all.begin(), all.end(),
                     [](const json& c) { return env::int_at(c, {"restartCount"}) > 0; });
}

void add(std::string& out, const json& text) {
  if (text.is_string()) out += text.get_ref<const std::string&>();
}

/// What may change of an object while a remedy takes place; counters that a failing container
/// drives alone are left out.
std::string print_of(const env::object& one, bool pod) {
  std::string out;
  if (!one) return out;
  if (pod) {
    add(out, env::at_path(*one, {"metadata", "uid"}));
    out += is_ready(one) ? 'r' : is_terminating(one) ? 't' : 'n';
    for (const auto& c : containers_of(*one)) {
      add(out, env::at_path(c, {"image"}));
      out += ',';
    }
    return out;
  }
  out += ';' + std::to_string(env::int_at(*one, {"metadata", "generation"}));
  for (const auto* count : {"replicas", "readyReplicas", "updatedReplicas"})
    out += '/' + std::to_string(env::int_at(*one, {"status", count}));
  return out;
}

/// Until when an object is in motion if it stays as it is.
vtime motion_of(const env::object& one, bool pod) {
  if (pod) {
    if (is_terminating(one)) return vtime::max();
    return is_ready(one) || has_failed(*one) ? vtime{} : created_at(*one) + start_patience;
  }
  const auto generation = env::int_at(*one, {"metadata", "generation"});
  const auto observed = env::int_at(*one, {"status", "observedGeneration"}, generation);
  return observed < generation ? vtime::max() : vtime{};
}

} // namespace

void movement::follow(const char* table, const env::seen_objects& seen, bool& moved) {
  const bool pods = std::string_view(table) == "pods";
  each_difference(last_.of(table), seen.of(table), [&](const auto& before, const auto& now) {
    moved = moved || print_of(before, pods) != print_of(now, pods);
    restless_.erase(std::remove_if(restless_.begin(), restless_.end(),
                                   [&](const restless& one) { return one.object == before; }),
                    restless_.end());
    const auto until = now ? motion_of(now, pods) : vtime{};
    if (until > vtime{}) restless_.push_back({now, until});
  });
}

bool movement::follow(const env::seen_objects& seen) {
  bool moved = false;
  follow("pods", seen, moved);
  for (const auto* table : workload_tables) follow(table, seen, moved);
  last_ = seen;
  return moved;
}

vtime movement::until() const {
  vtime out{};
  for (const auto& one : restless_) out = std::max(out, one.until);
  return out;
}

} // namespace remed::chaos

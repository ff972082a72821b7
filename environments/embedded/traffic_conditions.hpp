// What the traffic rests on at one instant, and what of it is as it was when last looked at: most
// writes touch one pod or one Service, and all others go on as they did.
#pragma once

#include "environments/embedded/traffic_pods.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace remed::env {

/// As far as requests, and what a container uses, depend on its state.
struct container_mark {
  std::uint64_t instance = 0;
  bool running = false, serving = false;
  bool operator==(const container_mark&) const = default;
};

using shared_objects = std::shared_ptr<const std::vector<object>>;

struct pod_conditions {
  const object* spec;                ///< in the list that the conditions hold
  std::string_view ns, name;         ///< its own
  const pod_runtime* runs = nullptr; ///< none: it does not run. Valid at that instant only
  std::size_t marks_from = 0, marks_to = 0;
  bool touched = false; ///< an effect is on it: that may change by itself
  bool same = false;    ///< nothing that its traffic rests on changed
};

/// What a service of a system is reached by.
struct service_conditions {
  const object* entry = nullptr;     ///< the Service; none: its name has no address
  const object* endpoints = nullptr; ///< none: it has no such object
  std::size_t pods_from = 0, pods_to = 0;
  bool same = false; ///< what surrounds it is what it was
};

/// All services of a system.
struct system_conditions {
  shared_objects entries, endpoints;   ///< lists that are held
  std::vector<service_conditions> all; ///< in the profile's order
  std::vector<int> pods;               ///< behind them: numbers among all pods; -1: there is none
};

/// Of one cluster at one instant; keeps what the next look is compared with.
class traffic_conditions {
public:
  /// `before`: of the last look at the same cluster; may be none.
  traffic_conditions(const cluster& c, const traffic_conditions* before);

  const common_surroundings& common() const { return common_; }
  /// By namespace and name.
  const std::vector<pod_conditions>& pods() const { return pods_; }
  std::span<const container_mark> marks_of(const pod_conditions& pod) const;
  /// What its containers were seen to use, in the same order.
  std::span<cpu_use> uses_of(const pod_conditions& pod);
  /// A pod's number, or -1. `likely`: its number, if the guess is right; the one after it,
  /// afterwards.
  int number(std::string_view ns, std::string_view name, std::size_t& likely) const;
  /// The number now of a pod whose number was that; -1: it went, or another object has its name.
  int number_now(int before) const {
    return before < 0 ? -1 : moved_[static_cast<std::size_t>(before)];
  }
  /// As what was `before` had it, or none.
  const system_conditions* system(const std::string& ns) const;
  void note_system(const std::string& ns, system_conditions all);
  /// What surrounded the services of a namespace, when that was of the same profile; else none.
  std::shared_ptr<const flow_input> input_of(
      const std::string& ns, const std::shared_ptr<const system_profile>& profile) const;
  void note_input(const std::string& ns, std::shared_ptr<const system_profile> profile,
                  std::shared_ptr<const flow_input> input);
  /// Whether requests fare as they did before: CPU in use follows them.
  bool same_flows(const cluster& c, const traffic_conditions* before);
  /// Nobody looks any more: what only that needs goes.
  void close() { moved_ = {}; }

private:
  bool may_compare(const traffic_conditions& before) const;
  void take_over(const cluster& c, const traffic_conditions& before);
  void add(const cluster& c, const object& spec);
  /// One that nobody has changed.
  void repeat(const cluster& c, const object& spec, const traffic_conditions& before,
              const pod_conditions& old);
  void note_effects(const cluster& c);

  common_surroundings common_;
  bool fenced_; ///< some policy: each pod's traffic depends on all others
  std::vector<std::shared_ptr<const system_profile>> profiles_;
  std::vector<std::shared_ptr<const lazy_flow>> flows_;
  shared_objects specs_;
  std::vector<pod_conditions> pods_;
  std::vector<container_mark> marks_;
  std::vector<cpu_use> uses_;                        ///< by mark
  std::vector<int> moved_;                           ///< numbers of the pods of before, now
  std::map<std::string, system_conditions> systems_; ///< by namespace
  std::map<std::string, std::pair<std::shared_ptr<const system_profile>,
                                  std::shared_ptr<const flow_input>>>
      inputs_; ///< by namespace
};

/// What surrounds the services of a system now; none when that is as in `last`, which rests on the
/// conditions `before`. Notes what it rests on in `now`.
std::optional<flow_input> look_again(const cluster& c, const system_profile& system,
                                     const flow_input* last, const traffic_conditions* before,
                                     traffic_conditions& now);

} // namespace remed::env

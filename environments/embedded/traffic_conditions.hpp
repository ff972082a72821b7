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

struct pod_conditions {
  object spec;
  std::string_view ns, name;         ///< its own
  const pod_runtime* runs = nullptr; ///< none: it does not run. Valid at that instant only
  std::size_t marks_from = 0, marks_to = 0;
  bool touched = false; ///< an effect is on it: that may change by itself
  bool same = false;    ///< nothing that its traffic rests on changed
};

/// What a service of a system is reached by.
struct service_conditions {
  bool resolvable = false;
  object endpoints; ///< none: it has no such object
};

/// Of one cluster at one instant; keeps what the next look is compared with.
class traffic_conditions {
public:
  /// `before`: of the last look at the same cluster; may be none.
  traffic_conditions(const cluster& c, const traffic_conditions* before);

  const common_surroundings& common() const { return common_; }
  /// By namespace and name.
  const std::vector<pod_conditions>& pods() const { return pods_; }
  /// None when there is no such pod. `likely`: its place among the pods, if the guess is right; the
  /// place after it, afterwards.
  const pod_conditions* pod(std::string_view ns, std::string_view name, std::size_t& likely) const;
  /// As what was `before` had it, or none.
  const std::vector<service_conditions>* services(const std::string& ns) const;
  void note_services(const std::string& ns, std::vector<service_conditions> all);
  /// What surrounded the services of a namespace, when that was of the same profile; else none.
  std::shared_ptr<const flow_input> input_of(
      const std::string& ns, const std::shared_ptr<const system_profile>& profile) const;
  void note_input(const std::string& ns, std::shared_ptr<const system_profile> profile,
                  std::shared_ptr<const flow_input> input);
  /// Whether requests fare as they did before: CPU in use follows them.
  bool same_flows(const cluster& c, const traffic_conditions* before);

private:
  /// `touched`: uids of the pods that effects are on.
  void add(const cluster& c, const object& spec, const std::vector<std::string_view>& touched);
  void compare(const traffic_conditions& before);
  std::span<const container_mark> marks_of(const pod_conditions& pod) const;

  common_surroundings common_;
  bool fenced_; ///< some policy: each pod's traffic depends on all others
  std::vector<std::shared_ptr<const system_profile>> profiles_;
  std::vector<std::shared_ptr<const lazy_flow>> flows_;
  std::vector<pod_conditions> pods_;
  std::vector<container_mark> marks_;
  std::map<std::string, std::vector<service_conditions>> services_; ///< by namespace
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

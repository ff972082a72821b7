// How requests fare under certain conditions, told when somebody asks: most conditions are followed
// by others before anybody looks, and few ask for more than what users see.
#pragma once

#include "environments/embedded/flow_graph.hpp"
#include "environments/embedded/kept.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace remed::env {

/// As evaluate_flow of the same profile, input and seed would tell it. Never changes: forks share
/// it, and what one of them asked for is known to all.
class lazy_flow {
public:
  lazy_flow() = default; ///< of nobody; to be read from a snapshot
  /// What only the profile tells is taken from the one `before`, if that is of the same.
  lazy_flow(std::shared_ptr<const system_profile> system, std::shared_ptr<const flow_input> input,
            std::uint64_t seed, const lazy_flow* before = nullptr);

  /// What users see.
  const users_flow& users() const;
  /// And each service behind it.
  const flow_result& whole() const;
  /// One of them alone; none: the profile has none of that name.
  const service_flow* service(const std::string& name) const;
  /// CPU that the requests to a service ask of one of its pods, uncapped; 0 when none get there.
  /// Cores.
  double busy_cores(const std::string& service, std::string_view pod) const;
  /// The part of a pod in the requests to its service: the same as long as those behind the service
  /// are, however requests fare.
  struct share {
    int service = -1;          ///< its number in the profile
    std::size_t endpoints = 0; ///< who has parts; 0: no request gets to the pod
  };
  share share_of(const std::string& service, std::string_view pod) const;
  double busy_cores(const share& part) const;

private:
  friend struct snapshot_access;
  const std::shared_ptr<const call_graph>& shared_calls() const;
  const flow_rates& rates() const;
  flow_graph graph() const;

  std::shared_ptr<const system_profile> system_;
  std::shared_ptr<const flow_input> input_;
  std::uint64_t seed_ = 0;
  kept<std::shared_ptr<const call_graph>> calls_;
  kept<flow_rates> rates_;
  kept<users_flow> users_;
  kept<std::vector<kept<service_flow>>> services_; ///< by number
  kept<flow_result> whole_;
};

} // namespace remed::env

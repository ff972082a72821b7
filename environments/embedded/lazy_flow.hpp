// How requests fare under certain conditions, told when somebody asks: most conditions are followed
// by others before anybody looks, and few ask for more than what users see.
#pragma once

#include "environments/embedded/flow.hpp"
#include "environments/embedded/kept.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

/// As evaluate_flow of the same profile, input and seed would tell it. Never changes: forks share
/// it, and what one of them asked for is known to all.
class lazy_flow {
public:
  lazy_flow() = default; ///< of nobody; to be read from a snapshot
  lazy_flow(std::shared_ptr<const system_profile> system, std::shared_ptr<const flow_input> input,
            std::uint64_t seed)
      : system_(std::move(system)), input_(std::move(input)), seed_(seed) {}

  /// What users see.
  const users_flow& users() const;
  /// And each service behind it.
  const flow_result& whole() const;
  /// CPU that the requests to a service ask of one of its pods, uncapped; 0 when none get there.
  /// Cores.
  double busy_cores(const std::string& service, const std::string& pod) const;

private:
  friend struct snapshot_access;
  const flow_rates& rates() const;

  std::shared_ptr<const system_profile> system_;
  std::shared_ptr<const flow_input> input_;
  std::uint64_t seed_ = 0;
  kept<flow_rates> rates_;
  kept<users_flow> users_;
  kept<flow_result> whole_;
};

} // namespace remed::env

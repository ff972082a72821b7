// What a cluster will do later, as data: so that a fork copies it and a seed repeats it.
#pragma once

#include "runtime/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace remed::env {

/// "Controller `actor`, look at `key`." Controllers are level-triggered: an event says where to
/// look, never what to do.
struct cluster_event {
  std::string actor;
  std::string key;
  auto operator<=>(const cluster_event&) const = default;
};

/// Ordered by time, then by order of entry. An event that is already queued for an earlier or equal
/// time is not queued again.
class event_queue {
public:
  void push(vtime at, cluster_event event);
  std::optional<vtime> next() const;
  /// The first event due at or before `now`.
  std::optional<std::pair<vtime, cluster_event>> pop_due(vtime now);
  std::size_t size() const { return events_.size(); }

private:
  friend struct snapshot_access;
  std::map<std::pair<vtime, std::uint64_t>, cluster_event> events_;
  std::map<cluster_event, std::pair<vtime, std::uint64_t>> earliest_;
  std::uint64_t sequence_ = 0;
};

} // namespace remed::env

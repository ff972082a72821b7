// What a cluster will do later, as data: so that a fork copies it and a seed repeats it.
#pragma once

#include "runtime/time.hpp"

#include <cstdint>
#include <map>
#include <memory>
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
  event_queue() = default;
  /// Goes on from one that nobody changes any more, and shares what that has.
  explicit event_queue(std::shared_ptr<const event_queue> before);

  void push(vtime at, cluster_event event);
  std::optional<vtime> next() const;
  /// The first event due at or before `now`.
  std::optional<std::pair<vtime, cluster_event>> pop_due(vtime now);
  std::size_t size() const { return events_.size() + left_; }
  /// The same, sharing nothing.
  event_queue flat() const;

private:
  friend struct snapshot_access;
  using entry = std::pair<vtime, std::uint64_t>;
  using event_map = std::map<entry, cluster_event>;

  /// The first of `base_` comes before the first of `events_`.
  bool base_is_next() const;
  /// The earliest entry of an event that is still in `base_`, or none.
  const entry* in_base(const cluster_event& event) const;
  const entry* earliest(const cluster_event& event) const;

  event_map events_;
  /// Of each event that is queued; one that is not although `base_` has it: `not_queued`.
  std::map<cluster_event, entry> earliest_;
  std::uint64_t sequence_ = 0;
  std::shared_ptr<const event_queue> base_; ///< flat; its events from `rest_` on are ours too
  event_map::const_iterator rest_{};
  std::size_t left_ = 0; ///< from `rest_` on
};

} // namespace remed::env

#include "environments/embedded/event_queue.hpp"

namespace remed::env {

void event_queue::push(vtime at, cluster_event event) {
  auto known = earliest_.find(event);
  if (known != earliest_.end() && known->second.first <= at) return;
  auto key = std::make_pair(at, ++sequence_);
  earliest_[event] = key;
  events_.emplace(key, std::move(event));
}

std::optional<vtime> event_queue::next() const {
  if (events_.empty()) return std::nullopt;
  return events_.begin()->first.first;
}

std::optional<std::pair<vtime, cluster_event>> event_queue::pop_due(vtime now) {
  if (events_.empty() || events_.begin()->first.first > now) return std::nullopt;
  auto first = events_.extract(events_.begin());
  // An event that was first queued for later and then for earlier is kept at both times.
  auto known = earliest_.find(first.mapped());
  if (known != earliest_.end() && known->second == first.key()) earliest_.erase(known);
  return std::make_pair(first.key().first, std::move(first.mapped()));
}

} // namespace remed::env

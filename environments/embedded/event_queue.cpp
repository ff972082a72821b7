#include "environments/embedded/event_queue.hpp"

namespace remed::env {

namespace {

/// No entry has this number.
constexpr std::pair<vtime, std::uint64_t> not_queued{};

} // namespace

event_queue::event_queue(std::shared_ptr<const event_queue> before) : sequence_(before->sequence_) {
  if (before->base_) {
    *this = before->flat();
    return;
  }
  rest_ = before->events_.begin();
  left_ = before->events_.size();
  base_ = std::move(before);
}

const event_queue::entry* event_queue::in_base(const cluster_event& event) const {
  if (left_ == 0) return nullptr;
  const auto known = base_->earliest_.find(event);
  return known != base_->earliest_.end() && known->second >= rest_->first ? &known->second
                                                                          : nullptr;
}

const event_queue::entry* event_queue::earliest(const cluster_event& event) const {
  const auto known = earliest_.find(event);
  if (known == earliest_.end()) return in_base(event);
  return known->second == not_queued ? nullptr : &known->second;
}

void event_queue::push(vtime at, cluster_event event) {
  const auto* known = earliest(event);
  if (known && known->first <= at) return;
  const entry key{at, ++sequence_};
  earliest_[event] = key;
  events_.emplace(key, std::move(event));
}

bool event_queue::base_is_next() const {
  return left_ > 0 && (events_.empty() || rest_->first < events_.begin()->first);
}

std::optional<vtime> event_queue::next() const {
  if (size() == 0) return std::nullopt;
  return base_is_next() ? rest_->first.first : events_.begin()->first.first;
}

std::optional<std::pair<vtime, cluster_event>> event_queue::pop_due(vtime now) {
  const auto due = next();
  if (!due || *due > now) return std::nullopt;
  if (base_is_next()) {
    --left_;
    return std::make_pair(*due, (rest_++)->second);
  }
  auto first = events_.extract(events_.begin());
  // An event that was first queued for later and then for earlier is kept at both times.
  auto known = earliest_.find(first.mapped());
  if (known != earliest_.end() && known->second == first.key()) {
    if (in_base(first.mapped()))
      known->second = not_queued;
    else
      earliest_.erase(known);
  }
  return std::make_pair(*due, std::move(first.mapped()));
}

event_queue event_queue::flat() const {
  event_queue out;
  out.events_ = events_;
  out.earliest_ = earliest_;
  out.sequence_ = sequence_;
  if (left_ > 0) {
    out.events_.insert(rest_, base_->events_.end());
    for (const auto& [event, at] : base_->earliest_)
      if (at >= rest_->first) out.earliest_.emplace(event, at);
  }
  std::erase_if(out.earliest_, [](const auto& one) { return one.second == not_queued; });
  return out;
}

} // namespace remed::env

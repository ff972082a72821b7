#include "environments/embedded/store.hpp"

#include "environments/embedded/kept_text.hpp"
#include "environments/embedded/sameness.hpp"

#include <algorithm>
#include <utility>

namespace remed::env {

object_key key_of(const json& obj) {
  object_key key;
  auto meta = obj.find("metadata");
  if (meta == obj.end() || !meta->is_object()) return key;
  key.ns = meta->value("namespace", "");
  key.name = meta->value("name", "");
  return key;
}

store::store(const store& other) : tables_(other.tables_), revision_(other.revision_) {
  other.forked_.store(true, std::memory_order_relaxed);
}

store::table& store::own(const resource_name& resource) {
  if (forked_.exchange(false, std::memory_order_relaxed)) owned_.clear();
  auto& slot = tables_[resource];
  if (owned_.insert(resource).second) {
    slot = slot ? std::make_shared<table>(*slot) : std::make_shared<table>();
  }
  return *slot;
}

void store::remember(change c) {
  history_.push_back(std::move(c));
  if (history_.size() > history_limit) history_.pop_front();
}

object store::get(const resource_name& resource, const object_key& key) const {
  auto found = tables_.find(resource);
  if (found == tables_.end()) return {};
  auto entry = found->second->find(key);
  return entry == found->second->end() ? object{} : entry->second;
}

std::vector<object> store::list(const resource_name& resource, std::string_view ns) const {
  std::vector<object> out;
  auto found = tables_.find(resource);
  if (found == tables_.end()) return out;
  const auto& all = *found->second;
  auto at = ns.empty() ? all.begin() : all.lower_bound(object_key{std::string(ns), {}});
  out.reserve(all.size()); // asked often: growing would cost more than the room
  for (; at != all.end() && (ns.empty() || at->first.ns == ns); ++at) out.push_back(at->second);
  return out;
}

std::size_t store::count(const resource_name& resource) const {
  auto found = tables_.find(resource);
  return found == tables_.end() ? 0 : found->second->size();
}

object store::put(const resource_name& resource, json value) {
  auto key = key_of(value);
  auto before = get(resource, key);
  if (before && same_content(*before, value)) return before;
  value["metadata"]["resourceVersion"] = std::to_string(++revision_);
  auto now = make_object(std::move(value));
  own(resource)[key] = now;
  auto what = before ? change::type::modified : change::type::added;
  remember({what, revision_, resource, std::move(key), now, std::move(before)});
  return now;
}

object store::erase(const resource_name& resource, const object_key& key) {
  auto before = get(resource, key);
  if (!before) return {};
  own(resource).erase(key);
  auto last = *before;
  last["metadata"]["resourceVersion"] = std::to_string(++revision_);
  auto now = make_object(std::move(last));
  remember({change::type::deleted, revision_, resource, key, now, std::move(before)});
  return now;
}

result<change_range> store::since(std::uint64_t after) const {
  if (after < oldest()) {
    return failure{errc::refused, "too old resource version: " + std::to_string(after) + " (" +
                                      std::to_string(oldest()) + ")"};
  }
  // Each write has the revision after that of the one before.
  const auto missed =
      std::min<std::uint64_t>(history_.size(), revision_ - std::min(after, revision_));
  return change_range{history_.end() - static_cast<std::ptrdiff_t>(missed), history_.end()};
}

std::uint64_t store::oldest() const {
  return history_.empty() ? revision_ : history_.front().revision - 1;
}

} // namespace remed::env

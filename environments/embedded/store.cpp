#include "environments/embedded/store.hpp"

#include "environments/embedded/kept_text.hpp"

#include <utility>

namespace remed::env {

namespace {

/// Whether two states of an object differ in anything but the revision.
bool same_content(const json& a, const json& b) {
  if (!a.is_object() || !b.is_object() || a.size() != b.size()) return a == b;
  for (auto left = a.begin(), right = b.begin(); left != a.end(); ++left, ++right) {
    if (left.key() != right.key()) return false;
    if (left.key() != "metadata") {
      if (*left != *right) return false;
      continue;
    }
    auto l = *left, r = *right;
    l.erase("resourceVersion");
    r.erase("resourceVersion");
    if (l != r) return false;
  }
  return true;
}

} // namespace

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

result<std::vector<change>> store::since(std::uint64_t after) const {
  if (after < oldest()) {
    return failure{errc::refused, "too old resource version: " + std::to_string(after) + " (" +
                                      std::to_string(oldest()) + ")"};
  }
  std::vector<change> out;
  if (history_.empty()) return out;
  auto first = history_.front().revision;
  auto skip = after < first ? 0 : static_cast<std::size_t>(after - first + 1);
  for (auto i = skip; i < history_.size(); ++i) out.push_back(history_[i]);
  return out;
}

std::uint64_t store::oldest() const {
  return history_.empty() ? revision_ : history_.front().revision - 1;
}

} // namespace remed::env

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

std::shared_ptr<const object_list::all> object_list::none() {
  static const auto empty = std::make_shared<const all>();
  return empty;
}

store::store(const store& other)
    : tables_(other.tables_), owner_(other.owner_), revision_(other.revision_) {}

void store::forget_changes() {
  forgets_ = true;
  history_ = {};
}

void store::remember(change c) {
  if (forgets_) return;
  history_.push_back(std::move(c));
  if (history_.size() > history_limit) history_.pop_front();
}

object store::get(const resource_name& resource, const object_key& key) const {
  const auto* all = tables_.find(resource);
  const auto* found = all ? all->find(key) : nullptr;
  return found ? *found : object{};
}

object_list store::list(const resource_name& resource, std::string_view ns) const {
  const auto* found = tables_.find(resource);
  if (!found) return {};
  const auto gathered = found->told(ns, [&]() -> std::shared_ptr<const void> {
    auto out = std::make_shared<object_list::all>();
    out->reserve(found->size());
    found->walk(object_key{std::string(ns), {}}, [&](const object_key& key, const object& one) {
      if (!ns.empty() && key.ns != ns) return false;
      out->push_back(one);
      return true;
    });
    if (2 * out->size() < out->capacity()) out->shrink_to_fit(); // it is kept
    return out;
  });
  return object_list(std::static_pointer_cast<const object_list::all>(gathered));
}

std::size_t store::count(const resource_name& resource) const {
  const auto* all = tables_.find(resource);
  return all ? all->size() : 0;
}

object store::put(const resource_name& resource, json value) {
  auto key = key_of(value);
  auto before = get(resource, key);
  if (before && same_content(*before, value)) return before;
  value["metadata"]["resourceVersion"] = std::to_string(++revision_);
  auto now = make_object(std::move(value));
  const auto& who = owner_.now();
  tables_.edit(who, resource).edit(who, key) = now;
  auto what = before ? change::type::modified : change::type::added;
  remember({what, revision_, resource, std::move(key), now, std::move(before)});
  return now;
}

object store::erase(const resource_name& resource, const object_key& key) {
  auto before = get(resource, key);
  if (!before) return {};
  const auto& who = owner_.now();
  tables_.edit(who, resource).erase(who, key);
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

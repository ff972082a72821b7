// Walks along values and their type for sets of fields: which fields a value has, what differs
// between two, merging and removing.
#include "environments/embedded/api/fields.hpp"

#include <algorithm>

namespace remed::env {

using type = schema_node::type;

namespace {

const schema_node* member(const schema_node* node, const std::string& name) {
  return node ? node->field(name) : nullptr;
}

bool is_keyed(const schema_node* node) {
  return node && !node->list_keys.empty();
}
bool is_set(const schema_node* node) {
  return node && node->is_set && node->list_keys.empty();
}

/// "k:{…}" of an item, its keys' defaults filled in.
std::string item_key(const schema_node& list, const json& item) {
  auto key = json::object();
  for (const auto& name : list.list_keys) {
    auto* field = member(list.items, name);
    if (item.is_object() && item.contains(name))
      key[name] = item[name];
    else if (field && !field->preset.is_null())
      key[name] = field->preset;
  }
  return "k:" + key.dump();
}

std::string value_key(const json& item) {
  return "v:" + item.dump();
}

/// The members of a value as (key of the set, type, value); none for what is owned as a whole.
struct part {
  std::string key;
  const schema_node* node;
  const json* value;
};
/// Without the items of a list that stand in the same place of `other`.
std::vector<part> parts_of(const schema_node* node, const json& value,
                           const json* other = nullptr) {
  std::vector<part> out;
  const auto is_there = [&](const json& item) {
    const auto place =
        static_cast<std::size_t>(&item - value.get_ref<const json::array_t&>().data());
    return other && place < other->size() && (*other)[place] == item;
  };
  if (value.is_object() && !(node && node->atomic)) {
    const auto& members = value.get_ref<const json::object_t&>();
    out.reserve(members.size());
    for (const auto& [name, m] : members) out.push_back({"f:" + name, member(node, name), &m});
  } else if (value.is_array() && is_keyed(node)) {
    for (const auto& item : value) {
      if (!is_there(item)) out.push_back({item_key(*node, item), node->items, &item});
    }
  } else if (value.is_array() && is_set(node)) {
    for (const auto& item : value) {
      if (!is_there(item)) out.push_back({value_key(item), nullptr, &item});
    }
  }
  return out;
}

void collect(const schema_node* node, const json& value, field_set& out) {
  auto parts = parts_of(node, value);
  if (parts.empty()) {
    out.member = true;
    return;
  }
  for (const auto& p : parts) {
    auto& slot = out.below[p.key];
    collect(p.node, *p.value, slot);
    bool item = p.key[0] == 'k';
    bool entry = p.key[0] == 'f' && node && !node->fields.contains(p.key.substr(2));
    if (item || entry) slot.member = true;
  }
}

/// All of a value that was not there before, or is no more.
void collect_all(const schema_node* node, const json& value, field_set& out) {
  out.member = true;
  for (auto& p : parts_of(node, value)) collect_all(p.node, *p.value, out.below[std::move(p.key)]);
}

const part* find_part(const std::vector<part>& parts, const std::string& key) {
  for (const auto& p : parts) {
    if (p.key == key) return &p;
  }
  return nullptr;
}

/// What Go's struct has where JSON is silent; none when the member is really absent.
const json* zero_of(const schema_node* node, const std::string& key) {
  if (!node || key[0] != 'f') return nullptr;
  return node->zeros.find(std::string_view(key).substr(2));
}

void compare(const schema_node* node, const json& before, const json& after, field_changes& out);

void add_part(field_set& to, const std::string& key, field_set part) {
  if (part.empty()) return;
  const auto [slot, is_new] = to.below.try_emplace(key, std::move(part));
  if (!is_new) slot->second.unite(part); // then it was not moved from
}

/// Of a part that differs.
void compare_part(const schema_node* node, const std::string& key, const json* old, const json* now,
                  field_changes& out) {
  if (old == now) return;
  if (old && now && !old->is_structured() && !now->is_structured()) {
    out.written.below[key].member = true;
    return;
  }
  field_changes inner;
  if (!old)
    collect_all(node, *now, inner.written);
  else if (!now)
    collect_all(node, *old, inner.removed);
  else
    compare(node, *old, *now, inner);
  add_part(out.written, key, std::move(inner.written));
  add_part(out.removed, key, std::move(inner.removed));
}

bool same_kind(const json& a, const json& b) {
  return (a.is_object() && b.is_object()) || (a.is_array() && b.is_array()) ||
         (a.is_null() && b.is_structured()) || (b.is_null() && a.is_structured());
}

bool is_map(const schema_node* node, const json& value) {
  return value.is_object() && !value.empty() && !(node && node->atomic);
}

/// Both maps have their members in the same order: what is equal is passed over.
void compare_members(const schema_node* node, const json& before, const json& after,
                     field_changes& out) {
  const auto& left = before.get_ref<const json::object_t&>();
  const auto& right = after.get_ref<const json::object_t&>();
  auto l = left.begin(), r = right.begin();
  while (l != left.end() || r != right.end()) {
    const int order = l == left.end() ? 1 : r == right.end() ? -1 : l->first.compare(r->first);
    const auto* old = order <= 0 ? &l->second : nullptr;
    const auto* now = order >= 0 ? &r->second : nullptr;
    if (order != 0 || *old != *now) {
      const auto& name = order <= 0 ? l->first : r->first;
      auto key = "f:" + name;
      if (!old) old = zero_of(node, key);
      if (!now) now = zero_of(node, key);
      if (order == 0 || !old || !now || *old != *now)
        compare_part(member(node, name), key, old, now, out);
    }
    if (order <= 0) ++l;
    if (order >= 0) ++r;
  }
}

void compare(const schema_node* node, const json& before, const json& after, field_changes& out) {
  if (is_map(node, before) && is_map(node, after)) {
    compare_members(node, before, after, out);
    return;
  }
  // Items that stand where they stood, unchanged, are passed over.
  const auto* other = before.is_array() && after.is_array() ? &before : nullptr;
  auto old_parts = parts_of(node, before, other ? &after : nullptr);
  auto new_parts = parts_of(node, after, other);
  if (!same_kind(before, after) || (old_parts.empty() && new_parts.empty())) {
    bool nothing = before.empty() && after.empty();
    if (before != after && !nothing) out.written.member = true;
    return;
  }
  for (const auto& p : new_parts) {
    auto* found = find_part(old_parts, p.key);
    const auto* old = found ? found->value : zero_of(node, p.key);
    if (!old || *old != *p.value) compare_part(p.node, p.key, old, p.value, out);
  }
  for (const auto& p : old_parts) {
    if (find_part(new_parts, p.key)) continue;
    const auto* now = zero_of(node, p.key);
    if (!now || *now != *p.value) compare_part(p.node, p.key, p.value, now, out);
  }
}

const std::string metadata_key = "f:metadata";

/// What managedFields never lists: of the object, and of its metadata.
const std::vector<std::string>& unlisted() {
  static const std::vector<std::string> names = {"f:apiVersion", "f:kind"};
  return names;
}
const std::vector<std::string>& unlisted_metadata() {
  static const std::vector<std::string> names = {
      "f:name",       "f:namespace",         "f:uid",           "f:resourceVersion",
      "f:generation", "f:creationTimestamp", "f:managedFields", "f:selfLink",
      "f:clusterName"};
  return names;
}

void strip(field_set& set) {
  set.member = false;
  if (set.below.empty()) return;
  for (const auto& name : unlisted()) set.below.erase(name);
  auto meta = set.below.find(metadata_key);
  if (meta == set.below.end()) return;
  meta->second.member = false;
  for (const auto& name : unlisted_metadata()) meta->second.below.erase(name);
  if (meta->second.empty()) set.below.erase(meta);
}

/// Calls `each(key, type, value)` for the parts of a value.
template <class Each>
void walk_parts(const schema_node* node, const json& value, Each each) {
  if (!is_map(node, value)) {
    for (auto& p : parts_of(node, value)) each(std::move(p.key), p.node, *p.value);
    return;
  }
  for (const auto& [name, inner] : value.get_ref<const json::object_t&>())
    each("f:" + name, member(node, name), inner);
}

/// As collect_all, in the form that is stored.
void store_all(const schema_node* node, const json& value, json& place) {
  auto& below = place.get_ref<json::object_t&>();
  walk_parts(node, value, [&](std::string key, const schema_node* type, const json& inner) {
    auto& slot = below.try_emplace(std::move(key), json::object()).first->second;
    store_all(type, inner, slot);
  });
  if (!below.empty()) below.try_emplace(".", json::object());
}

bool store_created(const schema_node* node, const json& value, json& place);

/// The same of a member whose struct was there with a value of its own.
bool store_changed(const schema_node* node, const std::string& key, const json& zero,
                   const json& value, json& place) {
  if (zero == value) return false;
  if (!zero.is_structured() && !value.is_structured()) return true;
  if (zero.is_object() && zero.empty()) return store_created(node, value, place);
  field_changes changes;
  compare_part(node, key, &zero, &value, changes);
  auto tree = changes.written.tree();
  const auto found = tree.find(key);
  if (found == tree.end()) return false;
  place = std::move(*found);
  return true;
}

/// What `compare` finds written where there was an empty struct, into an empty place; false:
/// nothing.
bool store_created(const schema_node* node, const json& value, json& place) {
  if (!value.is_object()) return !value.empty();
  auto& below = place.get_ref<json::object_t&>();
  bool has_parts = false;
  walk_parts(node, value, [&](std::string key, const schema_node* type, const json& inner) {
    has_parts = true;
    const auto* zero = zero_of(node, key);
    const auto count = below.size();
    const auto slot = below.try_emplace(below.end(), std::move(key), json::object());
    if (below.size() == count) return; // an item that is there twice
    if (!zero)
      store_all(type, inner, slot->second);
    else if (!store_changed(type, slot->first, *zero, inner, slot->second))
      below.erase(slot);
  });
  return has_parts ? !below.empty() : !value.empty();
}

const field_set& below(const field_set& set, const std::string& key) {
  static const field_set none;
  auto found = set.below.find(key);
  return found == set.below.end() ? none : found->second;
}

} // namespace

field_set fields_of(const schema_node* node, const json& value) {
  field_set out;
  collect(node, value, out);
  strip(out);
  return out;
}

field_changes compare_fields(const schema_node* node, const json& before, const json& after) {
  field_changes out;
  compare(node, before, after, out);
  strip(out.written);
  strip(out.removed);
  return out;
}

json created_fields(const schema_node* node, const json& after,
                    const std::vector<std::string>& ignored) {
  auto out = json::object();
  store_created(node, after, out);
  for (const auto& name : unlisted()) out.erase(name);
  for (const auto& name : ignored) out.erase("f:" + name);
  const auto meta = out.find(metadata_key);
  if (meta == out.end()) return out;
  meta->erase(".");
  for (const auto& name : unlisted_metadata()) meta->erase(name);
  if (meta->empty()) out.erase(meta);
  return out;
}

void remove_fields(const schema_node* node, json& value, const field_set& gone,
                   const field_set& kept) {
  if (value.is_object()) {
    for (const auto& [key, inner] : gone.below) {
      auto name = key.substr(2);
      auto found = value.find(name);
      if (key[0] != 'f' || found == value.end()) continue;
      const auto& still = below(kept, key);
      bool was_empty = found->empty();
      if (!(inner.member && still.empty())) remove_fields(member(node, name), *found, inner, still);
      bool emptied = found->is_structured() && found->empty() && !was_empty;
      if (still.empty() && (inner.member || emptied)) value.erase(name);
    }
  } else if (value.is_array() && node) {
    auto left = json::array();
    for (auto& item : value) {
      auto key = is_keyed(node) ? item_key(*node, item) : value_key(item);
      const auto& inner = below(gone, key);
      const auto& still = below(kept, key);
      if (inner.member && still.empty()) continue;
      if (!inner.empty()) remove_fields(node->items, item, inner, still);
      left.push_back(std::move(item));
    }
    value = std::move(left);
  }
}

void merge_applied(const schema_node* node, json& live, const json& applied) {
  if (applied.is_object() && live.is_object() && !(node && node->atomic)) {
    for (const auto& [name, value] : applied.items()) {
      if (value.is_null())
        live.erase(name);
      else
        merge_applied(member(node, name), live[name], value);
    }
  } else if (applied.is_array() && live.is_array() && is_keyed(node)) {
    for (const auto& item : applied) {
      auto key = item_key(*node, item);
      auto found = std::find_if(live.begin(), live.end(),
                                [&](const json& have) { return item_key(*node, have) == key; });
      if (found == live.end())
        live.push_back(item);
      else
        merge_applied(node->items, *found, item);
    }
  } else if (applied.is_array() && live.is_array() && is_set(node)) {
    for (const auto& item : applied) {
      if (std::find(live.begin(), live.end(), item) == live.end()) live.push_back(item);
    }
  } else {
    live = applied;
  }
}

} // namespace remed::env

#include "environments/embedded/api/fields.hpp"

#include <algorithm>

namespace remed::env {

using nlohmann::json;
using type = schema_node::type;

namespace {

const schema_node* member(const schema_node* node, const std::string& name) {
  return node ? node->field(name) : nullptr;
}

bool is_atomic_map(const schema_node* node) {
  return node && node->atomic;
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
    if (item.is_object() && item.contains(name))
      key[name] = item[name];
    else if (name == "protocol")
      key[name] = "TCP";
  }
  return "k:" + key.dump();
}

std::string value_key(const json& item) {
  return "v:" + item.dump();
}

/// The members of a value as (tree key, type, value); empty for what is owned as a whole.
struct part {
  std::string key;
  const schema_node* node;
  const json* value;
};
std::vector<part> parts_of(const schema_node* node, const json& value) {
  std::vector<part> out;
  if (value.is_object() && !is_atomic_map(node)) {
    for (const auto& [name, m] : value.items()) {
      if (!m.is_null()) out.push_back({"f:" + name, member(node, name), &m});
    }
  } else if (value.is_array() && is_keyed(node)) {
    for (const auto& item : value) out.push_back({item_key(*node, item), node->items, &item});
  } else if (value.is_array() && is_set(node)) {
    for (const auto& item : value) out.push_back({value_key(item), nullptr, &item});
  }
  return out;
}

bool is_item(const std::string& key) {
  return key.rfind("k:", 0) == 0;
}

void add_all(const schema_node* node, const json& value, field_tree& out, bool dots) {
  auto parts = parts_of(node, value);
  if (parts.empty()) return;
  for (const auto& p : parts) {
    auto& slot = out[p.key] = field_tree::object();
    add_all(p.node, *p.value, slot, dots);
    if (!slot.empty() && (dots || is_item(p.key))) slot["."] = field_tree::object();
  }
}

const json* find_part(const std::vector<part>& parts, const std::string& key) {
  for (const auto& p : parts) {
    if (p.key == key) return p.value;
  }
  return nullptr;
}

void compare(const schema_node* node, const json& before, const json& after, field_changes& out) {
  auto old_parts = parts_of(node, before), new_parts = parts_of(node, after);
  for (const auto& p : new_parts) {
    auto* old = find_part(old_parts, p.key);
    if (old && *old == *p.value) continue;
    if (!old) {
      auto& slot = out.written[p.key] = field_tree::object();
      add_all(p.node, *p.value, slot, true);
      if (!slot.empty()) slot["."] = field_tree::object();
      continue;
    }
    bool deeper = !parts_of(p.node, *p.value).empty() && !parts_of(p.node, *old).empty();
    if (!deeper) {
      out.written[p.key] = field_tree::object();
      continue;
    }
    field_changes inner;
    compare(p.node, *old, *p.value, inner);
    if (!inner.written.empty()) out.written[p.key] = std::move(inner.written);
    if (!inner.removed.empty()) out.removed[p.key] = std::move(inner.removed);
  }
  for (const auto& p : old_parts) {
    if (find_part(new_parts, p.key)) continue;
    auto& slot = out.removed[p.key] = field_tree::object();
    add_all(p.node, *p.value, slot, true);
    if (!slot.empty()) slot["."] = field_tree::object();
  }
}

bool owns_itself(const field_tree& set) {
  return set.empty() || set.contains(".");
}

/// What managedFields never lists.
void strip(field_tree& set) {
  for (auto* name : {"f:apiVersion", "f:kind"}) set.erase(name);
  auto meta = set.find("f:metadata");
  if (meta == set.end()) return;
  for (auto* name : {"f:name", "f:namespace", "f:uid", "f:resourceVersion", "f:generation",
                     "f:creationTimestamp", "f:managedFields", "f:selfLink", "f:deletionTimestamp",
                     "f:deletionGracePeriodSeconds", "."}) {
    meta->erase(name);
  }
  if (meta->empty()) set.erase("f:metadata");
}

std::string printed(const std::string& key) {
  if (key.rfind("f:", 0) == 0) return "." + key.substr(2);
  auto body = json::parse(key.substr(2), nullptr, false);
  if (key.rfind("v:", 0) == 0) return "[=" + body.dump() + "]";
  std::string out;
  for (const auto& [name, value] : body.items())
    out += (out.empty() ? "" : ",") + name + "=" + value.dump();
  return "[" + out + "]";
}

void collect_paths(const field_tree& set, const std::string& path, std::vector<std::string>& out) {
  for (const auto& [key, inner] : set.items()) {
    if (key == ".") {
      out.push_back(path);
      continue;
    }
    auto here = path + printed(key);
    if (inner.empty())
      out.push_back(here);
    else
      collect_paths(inner, here, out);
  }
}

} // namespace

field_tree fields_of(const schema_node* node, const json& value) {
  auto out = field_tree::object();
  add_all(node, value, out, false);
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

bool is_empty(const field_tree& set) {
  return set.empty();
}

field_tree union_of(const field_tree& a, const field_tree& b) {
  auto out = a;
  for (const auto& [key, inner] : b.items()) {
    auto found = out.find(key);
    if (found == out.end()) {
      out[key] = inner;
      continue;
    }
    bool itself = owns_itself(*found) || owns_itself(inner);
    auto joined = union_of(*found, inner);
    if (itself && !joined.empty()) joined["."] = field_tree::object();
    *found = std::move(joined);
  }
  return out;
}

field_tree difference_of(const field_tree& a, const field_tree& b) {
  auto out = field_tree::object();
  for (const auto& [key, inner] : a.items()) {
    auto other = b.find(key);
    if (other == b.end()) {
      out[key] = inner;
      continue;
    }
    if (key == ".") continue;
    if (inner.empty()) {
      if (!owns_itself(*other)) out[key] = inner;
      continue;
    }
    auto rest = difference_of(inner, *other);
    if (other->empty()) rest.erase(".");
    if (!rest.empty()) out[key] = std::move(rest);
  }
  return out;
}

field_tree intersection_of(const field_tree& a, const field_tree& b) {
  auto out = field_tree::object();
  for (const auto& [key, inner] : a.items()) {
    auto other = b.find(key);
    if (other == b.end()) continue;
    if (inner.empty() || other->empty()) {
      if (owns_itself(inner) && owns_itself(*other)) out[key] = field_tree::object();
      continue;
    }
    auto common = intersection_of(inner, *other);
    if (!common.empty()) out[key] = std::move(common);
  }
  return out;
}

std::vector<std::string> paths_of(const field_tree& set) {
  std::vector<std::string> out;
  collect_paths(set, {}, out);
  return out;
}

void remove_fields(const schema_node* node, json& value, const field_tree& set) {
  if (value.is_object()) {
    for (const auto& [key, inner] : set.items()) {
      if (key.rfind("f:", 0) != 0) continue;
      auto name = key.substr(2);
      auto found = value.find(name);
      if (found == value.end()) continue;
      if (inner.empty()) {
        value.erase(name);
        continue;
      }
      remove_fields(member(node, name), *found, inner);
      if (found->is_structured() && found->empty()) value.erase(name);
    }
  } else if (value.is_array() && node) {
    auto kept = json::array();
    for (auto& item : value) {
      auto key = is_keyed(node) ? item_key(*node, item) : value_key(item);
      auto found = set.find(key);
      if (found != set.end() && owns_itself(*found)) continue;
      if (found != set.end()) remove_fields(node->items, item, *found);
      kept.push_back(std::move(item));
    }
    value = std::move(kept);
  }
}

void merge_applied(const schema_node* node, json& live, const json& applied) {
  if (applied.is_object() && live.is_object() && !is_atomic_map(node)) {
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

// Sets of fields and their algebra; what walks along values is in fields_walk.cpp.
#include "environments/embedded/api/fields.hpp"

namespace remed::env {

namespace {

std::string printed(const std::string& key) {
  if (key.rfind("f:", 0) == 0) return "." + key.substr(2);
  auto body = json::parse(key.substr(2), nullptr, false);
  if (key.rfind("v:", 0) == 0) return "[=" + body.dump() + "]";
  if (!body.is_object()) return "[" + key.substr(2) + "]";
  std::string out;
  for (const auto& [name, value] : body.items()) {
    out += (out.empty() ? "" : ",") + name + "=" + value.dump();
  }
  return "[" + out + "]";
}

void collect_paths(const field_set& set, const std::string& path, std::vector<std::string>& out) {
  if (set.member) out.push_back(path);
  for (const auto& [key, inner] : set.below) collect_paths(inner, path + printed(key), out);
}

/// A place of a stored tree is a member when nothing is below it, or when it says so.
bool is_member(const json& place) {
  return place.empty() || place.contains(".");
}

/// Writes whether a place is a member. False when nothing of it is left.
bool mark(json& place, bool member) {
  const bool marked = place.contains(".");
  const bool has_below = place.size() > (marked ? 1U : 0U);
  if (has_below && member && !marked) place["."] = json::object();
  if (marked && !(has_below && member)) place.erase(".");
  return has_below || member;
}

void take_below(json& place, const field_set& set);

/// As field_set::subtract, in a stored tree. False when nothing of the place is left.
bool take_from(json& place, const field_set& set) {
  const bool member = is_member(place) && !set.member;
  take_below(place, set);
  return mark(place, member);
}

void take_below(json& place, const field_set& set) {
  for (const auto& [key, inner] : set.below) {
    const auto found = place.find(key);
    if (found != place.end() && !take_from(*found, inner)) place.erase(found);
  }
}

/// As field_set::unite, in a stored tree.
void add_below(json& place, const field_set& set) {
  for (const auto& [key, inner] : set.below) {
    auto& all = place.get_ref<json::object_t&>();
    auto slot = all.lower_bound(key);
    const bool is_new = slot == all.end() || slot->first != key;
    if (is_new) slot = all.emplace_hint(slot, key, json::object());
    const bool member = inner.member || (!is_new && is_member(slot->second));
    add_below(slot->second, inner);
    mark(slot->second, member);
  }
}

} // namespace

field_set& stored_fields::edit() {
  if (!read_) read_ = field_set::read(tree_);
  return *read_;
}

void stored_fields::subtract(const field_set& other) {
  if (read_)
    read_->subtract(other);
  else
    take_below(tree_, other);
}

void stored_fields::unite(const field_set& other) {
  if (!tree_.is_object() && !read_) tree_ = json::object();
  if (read_)
    read_->unite(other);
  else if (tree_.empty())
    tree_ = other.tree();
  else
    add_below(tree_, other);
}

json stored_fields::take_tree() {
  return read_ ? read_->tree() : std::move(tree_);
}

field_set field_set::read(const json& tree) {
  field_set out;
  if (!tree.is_object()) return out;
  for (const auto& [key, inner] : tree.items()) {
    if (key == ".") {
      out.member = true;
      continue;
    }
    if (key.size() < 2 || key[1] != ':') continue;
    auto& slot = out.below[key] = read(inner);
    if (slot.below.empty()) slot.member = true;
  }
  return out;
}

json field_set::tree() const {
  auto out = json::object();
  auto& all = out.get_ref<json::object_t&>();
  for (const auto& [key, inner] : below) {
    auto& slot = all.emplace_hint(all.end(), key, inner.tree())->second;
    if (inner.member && !inner.below.empty()) slot["."] = json::object();
  }
  return out;
}

void field_set::unite(const field_set& other) {
  member = member || other.member;
  for (const auto& [key, inner] : other.below) below[key].unite(inner);
}

void field_set::subtract(const field_set& other) {
  if (other.member) member = false;
  for (const auto& [key, inner] : other.below) {
    auto found = below.find(key);
    if (found == below.end()) continue;
    found->second.subtract(inner);
    if (found->second.empty()) below.erase(found);
  }
}

void field_set::subtract_deeply(const field_set& other) {
  for (const auto& [key, inner] : other.below) {
    auto found = below.find(key);
    if (found == below.end()) continue;
    if (!inner.member) found->second.subtract_deeply(inner);
    if (inner.member || found->second.empty()) below.erase(found);
  }
}

field_set field_set::intersected(const field_set& other) const {
  field_set out;
  out.member = member && other.member;
  for (const auto& [key, inner] : below) {
    auto found = other.below.find(key);
    if (found == other.below.end()) continue;
    auto common = inner.intersected(found->second);
    if (!common.empty()) out.below.emplace(key, std::move(common));
  }
  return out;
}

std::vector<std::string> field_set::paths() const {
  std::vector<std::string> out;
  collect_paths(*this, {}, out);
  return out;
}

} // namespace remed::env

#include "environments/embedded/api/mask.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>

namespace remed::env {

namespace {

std::string group_of(const std::string& api_version) {
  auto slash = api_version.find('/');
  return slash == std::string::npos ? std::string{} : api_version.substr(0, slash);
}

bool is_masked_key(const identity& who, std::string_view key) {
  const auto& prefix = who.masked_annotation_prefix;
  if (!prefix.empty() && key.starts_with(prefix)) return true;
  const auto& ends = who.masked_annotation_suffixes;
  return key.find('/') == std::string_view::npos &&
         std::any_of(ends.begin(), ends.end(), [&](const auto& end) { return key.ends_with(end); });
}

void drop_keys(const identity& who, json& map) {
  for (auto at = map.begin(); at != map.end();) {
    if (is_masked_key(who, at.key()))
      at = map.erase(at);
    else
      ++at;
  }
}

/// Removes "f:<masked key>" anywhere in a managedFields tree.
void drop_fields(const identity& who, json& tree) {
  if (!tree.is_object()) return;
  for (auto at = tree.begin(); at != tree.end();) {
    if (at.key().rfind("f:", 0) == 0 && is_masked_key(who, at.key().substr(2))) {
      at = tree.erase(at);
      continue;
    }
    drop_fields(who, *at);
    ++at;
  }
}

bool has_masked_key(const identity& who, const json& map) {
  if (!map.is_object()) return false;
  const auto& members = map.get_ref<const json::object_t&>();
  return std::any_of(members.begin(), members.end(),
                     [&](const auto& one) { return is_masked_key(who, one.first); });
}

template <class Pred>
void drop_items(json& meta, const char* list, Pred drop) {
  auto found = meta.find(list);
  if (found == meta.end() || !found->is_array()) return;
  auto kept = json::array();
  for (auto& item : *found) {
    if (!drop(item)) kept.push_back(std::move(item));
  }
  if (kept.empty())
    meta.erase(list);
  else
    *found = std::move(kept);
}

} // namespace

bool hides_group(const identity& who, const std::string& group) {
  return who.mask_injection && std::find(who.hidden_groups.begin(), who.hidden_groups.end(),
                                         group) != who.hidden_groups.end();
}

bool hides_object(const identity& who, const json& obj) {
  if (!who.mask_injection) return false;
  if (hides_group(who, group_of(text_at(obj, {"apiVersion"})))) return true;
  auto kind = text_at(obj, {"kind"});
  if (kind == "CustomResourceDefinition") return hides_group(who, text_at(obj, {"spec", "group"}));
  if (kind != "Event") return false;
  if (hides_group(who, group_of(text_at(obj, {"involvedObject", "apiVersion"})))) return true;
  if (has_masked_key(who, at_path(obj, {"metadata", "annotations"}))) return true;
  // "chaos-daemon", "chaos-mesh-controller-manager": the prefix names its components, too.
  auto source = text_at(obj, {"source", "component"}, text_at(obj, {"reportingComponent"}));
  return is_masked_key(who, source);
}

bool hides_object(const identity& who, const resource_type& type, const json& obj) {
  const bool may = type.kind == "Event" || type.kind == "CustomResourceDefinition";
  return may && hides_object(who, obj);
}

namespace {

/// Everything but what managedFields say of fields.
bool shows_traces(const identity& who, const json& obj) {
  const auto& meta = at_path(obj, {"metadata"});
  if (!who.mask_injection || !meta.is_object()) return false;
  for (const auto* name : {"annotations", "labels", "ownerReferences", "managedFields"}) {
    const auto& found = at_path(meta, {name});
    if (!found.is_null() && found.empty()) return true; // goes with what was in it
  }
  if (has_masked_key(who, at_path(meta, {"annotations"})) ||
      has_masked_key(who, at_path(meta, {"labels"}))) {
    return true;
  }
  for (const auto& owner : at_path(meta, {"ownerReferences"})) {
    if (hides_group(who, group_of(text_at(owner, {"apiVersion"})))) return true;
  }
  for (const auto& entry : at_path(meta, {"managedFields"})) {
    if (is_masked_key(who, text_at(entry, {"manager"}))) return true;
  }
  return false;
}

bool names_masked(const identity& who, const managed_names& names) {
  return std::any_of(names.all.begin(), names.all.end(),
                     [&](auto name) { return is_masked_key(who, name); });
}

bool template_bears_traces(const identity& who, const json& obj) {
  const auto& inner = at_path(obj, {"spec", "template"});
  return inner.is_object() &&
         (shows_traces(who, inner) || names_masked(who, managed_names(inner)) ||
          template_bears_traces(who, inner));
}

} // namespace

bool bears_traces(const identity& who, const object& obj) {
  if (!who.mask_injection) return false;
  const auto* kept = kept_names(obj);
  return shows_traces(who, *obj) ||
         (kept ? names_masked(who, *kept) : names_masked(who, managed_names(*obj))) ||
         template_bears_traces(who, *obj);
}

void mask_object(const identity& who, json& obj) {
  auto meta = obj.find("metadata");
  if (!who.mask_injection || meta == obj.end() || !meta->is_object()) return;
  for (auto* name : {"annotations", "labels"}) {
    auto found = meta->find(name);
    if (found == meta->end() || !found->is_object()) continue;
    drop_keys(who, *found);
    if (found->empty()) meta->erase(name);
  }
  drop_items(*meta, "ownerReferences", [&](const json& owner) {
    return hides_group(who, group_of(text_at(owner, {"apiVersion"})));
  });
  drop_items(*meta, "managedFields", [&](json& entry) {
    if (is_masked_key(who, text_at(entry, {"manager"}))) return true;
    if (entry.contains("fieldsV1")) drop_fields(who, entry["fieldsV1"]);
    return false;
  });
  auto spec = obj.find("spec");
  if (spec != obj.end() && spec->is_object() && spec->contains("template") &&
      (*spec)["template"].is_object()) {
    mask_object(who, (*spec)["template"]);
  }
}

void keep_masked(const identity& who, const json& before, json& after) {
  if (!who.mask_injection) return;
  for (auto* list : {"annotations", "labels"}) {
    for (const auto& [key, value] : at_path(before, {"metadata", list}).items()) {
      if (is_masked_key(who, key)) after["metadata"][list][key] = value;
    }
  }
}

} // namespace remed::env

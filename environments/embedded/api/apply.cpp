#include "environments/embedded/api/apply.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

using nlohmann::json;

namespace {

json entries_of(const json& obj) {
  const auto& entries = at_path(obj, {"metadata", "managedFields"});
  return entries.is_array() ? entries : json::array();
}

bool is_same_manager(const json& entry, const field_manager& who, const char* operation) {
  return entry.value("manager", "") == who.name && entry.value("operation", "") == operation &&
         entry.value("subresource", "") == who.subresource &&
         (operation == std::string_view("Apply") ||
          entry.value("apiVersion", "") == who.api_version);
}

json* find_entry(json& entries, const field_manager& who, const char* operation) {
  for (auto& e : entries) {
    if (is_same_manager(e, who, operation)) return &e;
  }
  return nullptr;
}

json make_entry(const field_manager& who, const char* operation, field_tree fields) {
  auto out = json::object();
  out["manager"] = who.name;
  out["operation"] = operation;
  out["apiVersion"] = who.api_version;
  out["time"] = rfc3339(who.at);
  out["fieldsType"] = "FieldsV1";
  out["fieldsV1"] = std::move(fields);
  if (!who.subresource.empty()) out["subresource"] = who.subresource;
  return out;
}

void store_entries(json& obj, json entries) {
  auto kept = json::array();
  for (auto& e : entries) {
    if (!is_empty(e.value("fieldsV1", json::object()))) kept.push_back(std::move(e));
  }
  if (kept.empty())
    obj["metadata"].erase("managedFields");
  else
    obj["metadata"]["managedFields"] = std::move(kept);
}

std::string printed_manager(const json& entry) {
  auto out = go_quote(entry.value("manager", ""));
  if (auto sub = entry.value("subresource", ""); !sub.empty()) {
    out += " with subresource " + go_quote(sub);
  }
  if (entry.value("operation", "") == "Update") out += " using " + entry.value("apiVersion", "");
  return out;
}

/// All conflicts of one manager.
struct conflict_list {
  std::string manager;
  std::vector<std::string> paths;
};

api_error conflict_error(const std::vector<conflict_list>& all) {
  auto causes = json::array();
  std::size_t count = 0;
  std::string text;
  for (const auto& c : all) {
    count += c.paths.size();
    for (const auto& path : c.paths) {
      causes.push_back({{"reason", "FieldManagerConflict"},
                        {"message", "conflict with " + c.manager},
                        {"field", path}});
    }
  }
  for (const auto& c : all) {
    if (!text.empty()) text += "\n";
    if (count == 1)
      text += "conflict with " + c.manager + ": " + c.paths[0];
    else
      text += "conflicts with " + c.manager + ":\n- " + join(c.paths, "\n- ");
  }
  auto details = json::object();
  details["causes"] = std::move(causes);
  return {409, "Conflict",
          "Apply failed with " + std::to_string(count) +
              (count == 1 ? " conflict: " : " conflicts: ") + text,
          details};
}

/// The part of `mine` whose value in the live object is not the one applied.
field_tree changed_places(const schema_node* type, const json& live, const json& merged) {
  auto changes = compare_fields(type, live, merged);
  return union_of(changes.written, changes.removed);
}

} // namespace

void record_update(const schema_node* type, const field_manager& who, const json& before,
                   json& after) {
  auto old = before.is_object() ? before : json::object();
  auto entries = entries_of(after);
  auto changes = compare_fields(type, old, after);
  if (is_empty(changes.written) && is_empty(changes.removed)) {
    store_entries(after, std::move(entries));
    return;
  }
  auto touched = union_of(changes.written, changes.removed);
  for (auto& e : entries) {
    auto fields = e.value("fieldsV1", json::object());
    if (is_same_manager(e, who, "Update")) continue;
    e["fieldsV1"] = difference_of(fields, touched);
  }
  if (auto* mine = find_entry(entries, who, "Update")) {
    auto fields = difference_of(mine->value("fieldsV1", json::object()), changes.removed);
    (*mine)["fieldsV1"] = union_of(fields, changes.written);
    (*mine)["time"] = rfc3339(who.at);
  } else if (!is_empty(changes.written)) {
    entries.push_back(make_entry(who, "Update", std::move(changes.written)));
  }
  store_entries(after, std::move(entries));
}

maybe_error server_side_apply(const schema_node* type, const field_manager& who, bool force,
                              const json& applied, json& live) {
  auto config = applied;
  if (config.contains("metadata")) config["metadata"].erase("managedFields");
  auto wanted = fields_of(type, config);
  auto before = live.is_object() ? live : json::object();
  auto merged = before;
  merge_applied(type, merged, config);

  auto entries = entries_of(before);
  auto* mine = find_entry(entries, who, "Apply");
  auto previous = mine ? mine->value("fieldsV1", json::object()) : json::object();
  auto dropped = difference_of(previous, wanted);
  for (const auto& e : entries) {
    if (!is_same_manager(e, who, "Apply")) {
      dropped = difference_of(dropped, e.value("fieldsV1", json::object()));
    }
  }
  auto changed = intersection_of(changed_places(type, before, merged), wanted);
  std::vector<conflict_list> conflicts;
  for (auto& e : entries) {
    if (is_same_manager(e, who, "Apply")) continue;
    auto fields = e.value("fieldsV1", json::object());
    auto both = intersection_of(fields, changed);
    if (is_empty(both)) continue;
    if (force)
      e["fieldsV1"] = difference_of(fields, both);
    else
      conflicts.push_back({printed_manager(e), paths_of(both)});
  }
  if (!conflicts.empty()) return conflict_error(conflicts);
  remove_fields(type, merged, dropped);
  mine = find_entry(entries, who, "Apply");
  if (!mine) {
    entries.push_back(make_entry(who, "Apply", wanted));
  } else if (previous != wanted || merged != before) {
    *mine = make_entry(who, "Apply", wanted);
  }
  store_entries(merged, std::move(entries));
  live = std::move(merged);
  return std::nullopt;
}

} // namespace remed::env

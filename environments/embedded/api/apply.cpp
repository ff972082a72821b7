#include "environments/embedded/api/apply.hpp"

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <tuple>

namespace remed::env {

namespace {

/// Kubernetes keeps this many managers that only update; older ones are taken together.
constexpr std::size_t most_updaters = 10;

/// One entry of managedFields.
struct owner {
  std::string name, operation, api_version, subresource;
  std::string time; ///< empty: none
  stored_fields fields;
  json entry = {}; ///< what it was taken from, but for the fields; null: none

  bool is(const owner& o) const {
    return name == o.name && operation == o.operation && subresource == o.subresource &&
           (operation == "Apply" || api_version == o.api_version);
  }
  auto order() const { return std::tie(operation, time, name, api_version, subresource); }

  /// `"rec"`, `"kubectl" using apps/v1`, as conflicts name it.
  std::string printed() const {
    auto out = go_quote(name);
    if (!subresource.empty()) out += " with subresource " + go_quote(subresource);
    return operation == "Update" ? out + " using " + api_version : out;
  }
};
using owners = std::vector<owner>;

const json& managed_fields(const json& obj) {
  return at_path(obj, {"metadata", "managedFields"});
}

owners read_owners(const json& obj) {
  owners out;
  const auto& entries = managed_fields(obj);
  if (!entries.is_array()) return out;
  for (const auto& e : entries) {
    if (!e.is_object()) continue;
    owner one{text_at(e, {"manager"}),     text_at(e, {"operation"}), text_at(e, {"apiVersion"}),
              text_at(e, {"subresource"}), text_at(e, {"time"}),      {}};
    one.fields = stored_fields(at_path(e, {"fieldsV1"}));
    if (!one.operation.empty()) out.push_back(std::move(one));
  }
  return out;
}

/// The owners that an object has as store_owners left them there. They are taken out of it: it has
/// none then.
owners take_owners(json& obj) {
  owners out;
  const auto meta = obj.find("metadata");
  if (meta == obj.end() || !meta->is_object()) return out;
  const auto entries = meta->find("managedFields");
  if (entries == meta->end()) return out;
  if (entries->is_array()) {
    out.reserve(entries->size() + 1);
    for (auto& e : *entries) {
      if (!e.is_object() || text_at(e, {"operation"}).empty()) continue;
      owner one{text_at(e, {"manager"}),     text_at(e, {"operation"}), text_at(e, {"apiVersion"}),
                text_at(e, {"subresource"}), text_at(e, {"time"}),      {}};
      const auto fields = e.find("fieldsV1");
      one.fields = stored_fields(fields == e.end() ? json() : std::move(*fields));
      one.entry = std::move(e);
      out.push_back(std::move(one));
    }
  }
  meta->erase(entries);
  return out;
}

/// The entry of managedFields; the one it was taken from when that is written as it should be.
json entry_of(owner o) {
  const auto members = 5U + (o.time.empty() ? 0U : 1U) + (o.subresource.empty() ? 0U : 1U);
  auto e = std::move(o.entry);
  if (!e.is_object() || e.size() != members || !e.contains("fieldsType")) {
    e = json::object();
    e["manager"] = std::move(o.name);
    e["operation"] = std::move(o.operation);
    e["apiVersion"] = std::move(o.api_version);
    e["fieldsType"] = "FieldsV1";
    if (!o.subresource.empty()) e["subresource"] = std::move(o.subresource);
  }
  if (!o.time.empty()) e["time"] = std::move(o.time);
  e["fieldsV1"] = o.fields.take_tree();
  return e;
}

owner owner_of(const field_manager& who, const char* operation) {
  return {who.name, operation, who.api_version, who.subresource, {}, {}};
}

owner* find(owners& all, const owner& wanted) {
  for (auto& o : all) {
    if (o.is(wanted)) return &o;
  }
  return nullptr;
}

/// Takes the oldest updaters together when there are too many.
void cap(owners& all) {
  const auto earlier = [](const owner& a, const owner& b) { return a.order() < b.order(); };
  if (!std::is_sorted(all.begin(), all.end(), earlier)) std::sort(all.begin(), all.end(), earlier);
  auto updaters = static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [](const owner& o) { return o.operation == "Update"; }));
  if (updaters <= most_updaters) return;
  auto oldest =
      std::find_if(all.begin(), all.end(), [](const owner& o) { return o.operation == "Update"; });
  auto bucket = *oldest;
  bucket.name = "ancient-changes";
  bucket.subresource.clear();
  bucket.entry = nullptr;
  auto last = oldest + static_cast<std::ptrdiff_t>(updaters - most_updaters + 1);
  for (auto at = oldest; at != last; ++at) {
    bucket.fields.unite(at->fields.read());
    bucket.time = std::max(bucket.time, at->time);
  }
  all.insert(all.erase(oldest, last), std::move(bucket));
}

/// An object's metadata; a document that has none gets it.
json& metadata_of(json& obj) {
  auto& meta = obj["metadata"];
  if (!meta.is_object()) meta = json::object();
  return meta;
}

void store_owners(json& obj, owners all) {
  all.erase(std::remove_if(all.begin(), all.end(), [](const owner& o) { return o.fields.empty(); }),
            all.end());
  cap(all);
  if (all.empty()) {
    metadata_of(obj).erase("managedFields");
    return;
  }
  auto out = json::array();
  out.get_ref<json::array_t&>().reserve(all.size());
  for (auto& o : all) out.push_back(entry_of(std::move(o)));
  metadata_of(obj)["managedFields"] = std::move(out);
}

field_set ignored_fields(const field_manager& who) {
  field_set out;
  for (const auto& name : who.ignored) out.below["f:" + name].member = true;
  return out;
}

/// What a client sends along may be written in any way: it is read at once.
void normalize(owners& all) {
  for (auto& o : all) o.fields.edit();
}

/// The object as Go has it before anything is set: compared with nothing, its structs are there.
const json& blank() {
  static const json none = json::object();
  return none;
}

json without_owners(json obj) {
  auto meta = obj.find("metadata");
  if (meta != obj.end() && meta->is_object()) meta->erase("managedFields");
  return obj;
}

bool asks_for_reset(const json& obj) {
  const auto& entries = managed_fields(obj);
  return entries.is_array() && entries.size() == 1 &&
         (entries[0].empty() || text_at(entries[0], {"operation"}).empty());
}

/// Takes from all managers what was written or removed by another.
void take(owners& all, const field_changes& changes) {
  for (auto& o : all) {
    o.fields.subtract(changes.written);
    o.fields.subtract(changes.removed);
  }
}

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

/// What kubectl applied client-side and nobody has changed since: a first server-side apply by
/// kubectl may take it over.
field_set last_applied(const schema_node* type, const json& live) {
  auto text = text_at(
      live, {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"});
  auto config = json::parse(text, nullptr, false);
  if (!config.is_object()) return {};
  auto out = fields_of(type, config);
  auto changes = compare_fields(type, config, live);
  out.subtract(changes.written);
  out.subtract(changes.removed);
  return out;
}

std::vector<conflict_list> conflicts_of(const owners& all, const owner& self,
                                        const field_changes& changes, const field_set& allowed) {
  std::vector<conflict_list> out;
  for (const auto& o : all) {
    if (o.is(self)) continue;
    auto both = o.fields.read().intersected(changes.written);
    both.subtract(allowed);
    if (!both.empty()) out.push_back({o.printed(), both.paths()});
  }
  return out;
}

/// record_update; `same_owners`: it is known that managedFields are those of `before`.
void record(const schema_node* type, const field_manager& who, const json& before, json& after,
            bool same_owners) {
  const auto& old = before.is_object() ? before : blank();
  auto reset = asks_for_reset(after);
  owners all;
  if (same_owners || managed_fields(after) == managed_fields(old)) {
    if (!reset) all = take_owners(after);
  } else {
    if (who.subresource.empty() && !reset) all = read_owners(after);
    normalize(all);
    if (all.empty() && !reset) all = read_owners(old);
  }
  // Objects whose fields nobody tracks stay so until they are applied.
  if (all.empty() && before.is_object() && before.contains("metadata")) {
    metadata_of(after).erase("managedFields");
    return;
  }
  if (all.empty() && before.is_null() && !reset) {
    auto mine = owner_of(who, "Update");
    mine.fields = stored_fields(created_fields(type, after, who.ignored));
    if (who.subresource != "scale") mine.time = rfc3339(who.at);
    all.push_back(std::move(mine));
    store_owners(after, std::move(all));
    return;
  }
  auto changes = compare_fields(type, old, after); // these do not count managedFields
  auto ignored = ignored_fields(who);
  changes.written.subtract_deeply(ignored);
  changes.removed.subtract_deeply(ignored);
  take(all, changes);
  if (!changes.written.empty()) {
    auto self = owner_of(who, "Update");
    if (!find(all, self)) all.push_back(self);
    auto* mine = find(all, self);
    mine->fields.unite(changes.written);
    // The scale subresource hands its manager on without a time.
    if (who.subresource != "scale") mine->time = rfc3339(who.at);
  }
  store_owners(after, std::move(all));
}

} // namespace

void record_update(const schema_node* type, const field_manager& who, const json& before,
                   json& after) {
  record(type, who, before, after, false);
}

void record_component(const std::string& table, std::string_view component, vtime at,
                      const json* before, json& after) {
  auto* type = builtin_table(table);
  field_manager who{std::string(component), text_at(after, {"apiVersion"}), {}, at};
  bool status = before && at_path(*before, {"status"}) != at_path(after, {"status"});
  if (status)
    who.subresource = "status";
  else
    who.ignored = {"status"};
  static const json nothing;
  // Components leave managedFields alone: a copy of this very version has those of it.
  const auto same_owners = [&] {
    const auto& version = at_path(after, {"metadata", "resourceVersion"});
    return version.is_string() && version == at_path(*before, {"metadata", "resourceVersion"}) &&
           managed_fields(after).is_array();
  };
  record(type ? type->schema : nullptr, who, before ? *before : nothing, after,
         before && same_owners());
}

maybe_error server_side_apply(const schema_node* type, const field_manager& who, bool force,
                              const json& applied, json& live) {
  auto config = without_owners(applied);
  auto before = live.is_object() ? live : blank();
  if (live.is_object() && read_owners(before).empty()) {
    auto earlier = field_manager{"before-first-apply", who.api_version, {}, who.at, who.ignored};
    record_update(type, earlier, nullptr, before);
  }
  auto all = read_owners(before);
  auto plain = without_owners(before);
  auto merged = plain;
  merge_applied(type, merged, config);

  auto self = owner_of(who, "Apply");
  auto* mine = find(all, self);
  auto gone = mine ? mine->fields.read() : field_set{};
  self.time = mine ? mine->time : std::string{};
  self.fields.edit() = fields_of(type, config);
  self.fields.edit().subtract_deeply(ignored_fields(who));
  if (mine)
    *mine = self;
  else
    all.push_back(self);
  field_set kept;
  for (const auto& o : all) kept.unite(o.fields.read());
  gone.subtract(kept);
  remove_fields(type, merged, gone, kept);

  auto changes = compare_fields(type, plain, merged);
  if (!force) {
    auto allowed = who.name == "kubectl" ? last_applied(type, before) : field_set{};
    auto conflicts = conflicts_of(all, self, changes, allowed);
    if (!conflicts.empty()) return conflict_error(conflicts);
  }
  for (auto& o : all) {
    if (!o.is(self)) o.fields.subtract(changes.written);
    o.fields.subtract(changes.removed);
  }
  if (merged != plain) {
    if (auto* me = find(all, self)) me->time = rfc3339(who.at);
  }
  store_owners(merged, std::move(all));
  live = std::move(merged);
  return std::nullopt;
}

} // namespace remed::env

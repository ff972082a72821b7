#include "environments/embedded/api/table.hpp"

#include "environments/embedded/api/cell_draft.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"
#include "runtime/paths.hpp"

#include <map>
#include <stdexcept>

namespace remed::env {

namespace {

const json& builtin_columns() {
  static const json all = [] {
    auto path = data_root() / "environments/embedded/schemas/columns.json";
    auto text = read_file(path);
    if (!text) throw std::runtime_error(text.why().what);
    return json::parse(*text);
  }();
  return all;
}

json column(const std::string& name, const std::string& type, const std::string& format,
            const std::string& description, int priority = 0) {
  auto out = json::object();
  out["name"] = name;
  out["type"] = type;
  out["format"] = format;
  out["description"] = description;
  out["priority"] = priority;
  return out;
}

json custom_cells(const resource_type& type, const json& obj, vtime now) {
  auto out = json::array();
  out.push_back(text_at(obj, {"metadata", "name"}));
  if (type.columns.empty())
    out.push_back(age_of(at_path(obj, {"metadata", "creationTimestamp"}), now));
  for (const auto& c : type.columns) {
    auto value = json_path(obj, c.json_path);
    if (c.type == "date")
      out.push_back(value.is_string() ? json(age_of(value, now)) : json());
    else if (c.type == "string" && !value.is_string() && !value.is_null())
      out.push_back(value.dump());
    else
      out.push_back(std::move(value));
  }
  return out;
}

/// `[?(@.type=='Ready')]`: the first element whose member equals the text.
const json* pick(const json& list, const std::string& filter) {
  auto at = filter.find("@.");
  auto equals = filter.find("==");
  if (at == std::string::npos || equals == std::string::npos) return nullptr;
  auto member = filter.substr(at + 2, equals - at - 2);
  while (!member.empty() && member.back() == ' ') member.pop_back();
  auto from = filter.find_first_of("'\"", equals);
  if (from == std::string::npos) return nullptr;
  auto to = filter.find(filter[from], from + 1);
  auto wanted = filter.substr(from + 1, to - from - 1);
  for (const auto& item : list) {
    if (item.is_object() && text_at(item, {member}) == wanted) return &item;
  }
  return nullptr;
}

const json* step(const json* at, const std::string& index) {
  if (!at->is_array()) return nullptr;
  if (!index.empty() && index[0] == '?') return pick(*at, index);
  auto i = static_cast<std::size_t>(std::strtoul(index.c_str(), nullptr, 10));
  return i < at->size() ? &(*at)[i] : nullptr;
}

} // namespace

json columns_of(const resource_type& type) {
  if (!type.custom) {
    auto found = builtin_columns().find(type.plural);
    if (found != builtin_columns().end()) return *found;
    return builtin_columns().at("roles");
  }
  // Name and age are the same columns as those of a built-in kind.
  const auto& common = builtin_columns().at("configmaps");
  auto out = json::array({common[0]});
  if (type.columns.empty()) {
    auto age = common[2];
    age["type"] = "date";
    out.push_back(std::move(age));
  }
  for (const auto& c : type.columns) {
    out.push_back(column(c.name, c.type, c.format, c.description, c.priority));
  }
  return out;
}

std::shared_ptr<const std::vector<tools::shown_table::column>> shown_columns(
    const resource_type& type) {
  using columns = std::vector<tools::shown_table::column>;
  const auto read = [](const json& all) {
    auto out = std::make_shared<columns>();
    for (const auto& one : all)
      out->push_back({text_at(one, {"name"}), int_at(one, {"priority"}) != 0});
    return out;
  };
  static const auto builtin = [&] {
    std::map<std::string, std::shared_ptr<const columns>> out;
    for (const auto& [plural, all] : builtin_columns().items()) out[plural] = read(all);
    return out;
  }();
  if (type.custom) return read(columns_of(type));
  const auto found = builtin.find(type.plural);
  return found != builtin.end() ? found->second : builtin.at("roles");
}

json json_path(const json& obj, const std::string& path) {
  const json* at = &obj;
  std::size_t i = 0;
  while (at && i < path.size()) {
    if (path[i] == '[') {
      auto end = path.find(']', i);
      if (end == std::string::npos) return nullptr;
      auto inner = path.substr(i + 1, end - i - 1);
      if (!inner.empty() && (inner[0] == '\'' || inner[0] == '"')) {
        at = &at_path(*at, {std::string_view(inner).substr(1, inner.size() - 2)});
      } else {
        at = step(at, inner);
      }
      i = end + 1;
      continue;
    }
    if (path[i] == '.') ++i;
    std::string name;
    while (i < path.size() && path[i] != '.' && path[i] != '[') {
      if (path[i] == '\\' && i + 1 < path.size()) ++i;
      name += path[i++];
    }
    if (!name.empty()) at = &at_path(*at, {name});
  }
  return at ? *at : json();
}

std::string age_of(const json& stamp, vtime now) {
  auto t = stamp.is_string() ? parse_time(stamp.get<std::string>()) : std::nullopt;
  return t ? human_duration(now - *t) : "<unknown>";
}

json cells_of(const resource_type& type, const json& obj, vtime now) {
  if (type.custom) return custom_cells(type, obj, now);
  auto cells = builtin_cells(type.plural, obj, now);
  if (!cells.is_null()) return cells;
  return json::array(
      {text_at(obj, {"metadata", "name"}), text_at(obj, {"metadata", "creationTimestamp"})});
}

json cells_of(const resource_type& type, const object& obj, vtime now) {
  if (type.custom) return cells_of(type, *obj, now);
  const auto* kept = kept_cells(obj, [&] { return drafted_cells(type.plural, *obj); });
  return kept ? kept->at(now) : cells_of(type, *obj, now);
}

void append_cells(const resource_type& type, const object& obj, vtime now,
                  std::vector<std::string>& out) {
  const auto* kept =
      type.custom ? nullptr : kept_cells(obj, [&] { return drafted_cells(type.plural, *obj); });
  if (kept)
    kept->append_texts(now, out);
  else
    append_texts(cells_of(type, *obj, now), out);
}

json partial_metadata(const json& obj, const std::string& version) {
  auto out = json::object();
  out["kind"] = "PartialObjectMetadata";
  out["apiVersion"] = "meta.k8s.io/" + version;
  out["metadata"] = obj.value("metadata", json::object());
  return out;
}

json make_table(const resource_type& type, const std::vector<json>& objects, vtime now,
                row_object include, const std::string& version, bool with_columns) {
  auto out = json::object();
  out["kind"] = "Table";
  out["apiVersion"] = "meta.k8s.io/" + version;
  out["metadata"] = json::object();
  out["columnDefinitions"] = with_columns ? columns_of(type) : json();
  out["rows"] = json::array();
  for (const auto& obj : objects) {
    auto row = json::object();
    row["cells"] = cells_of(type, obj, now);
    if (include == row_object::metadata) row["object"] = partial_metadata(obj, version);
    if (include == row_object::full) row["object"] = obj;
    out["rows"].push_back(std::move(row));
  }
  return out;
}

} // namespace remed::env

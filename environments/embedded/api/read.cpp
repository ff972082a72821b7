// get and list.
#include "environments/embedded/api/faces.hpp"
#include "environments/embedded/api/list.hpp"
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/table.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "environments/embedded/kept_text.hpp"
#include "runtime/json_text.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

/// `revision` 0: of an inconsistent list, which goes on with what is there now.
std::string continue_token(std::uint64_t revision, const object_key& last) {
  auto start = last.ns.empty() ? "/" + last.name : last.ns + "/" + last.name;
  json token = {{"v", "meta.k8s.io/v1"},
                {"rv", revision == 0 ? -1 : static_cast<std::int64_t>(revision)},
                {"start", start + std::string(1, '\0')}};
  return base64_encode(token.dump());
}

/// Where a continued list goes on, and of which revision it is (0: the present one).
maybe_error read_continue(const api_call& call, object_key& after, std::uint64_t& revision) {
  auto text = call.request.query.get("continue");
  if (text.empty()) return std::nullopt;
  auto token = json::parse(base64_decode(text), nullptr, false);
  auto start = text_at(token, {"start"});
  auto slash = start.find('/');
  if (slash == std::string::npos) {
    return errors::bad_request(
        "invalid continue token: continue key is not valid: invalid character "
        "looking for beginning of value");
  }
  auto version_too = call.request.query.get("resourceVersion");
  if (!version_too.empty() && version_too != "0") {
    return errors::bad_request("specifying resource version is not allowed when using continue");
  }
  after.ns = start.substr(0, slash);
  after.name = start.substr(slash + 1);
  while (!after.name.empty() && after.name.back() == '\0') after.name.pop_back();
  auto version = int_at(token, {"rv"});
  if (version <= 0) return std::nullopt;
  revision = static_cast<std::uint64_t>(version);
  if (revision >= call.c.objects().oldest()) return std::nullopt;
  auto error = errors::expired(
      "The provided continue parameter is too old to display a consistent list "
      "result. You can start a new list without the continue parameter, or use "
      "the continue token in this response to retrieve the remainder of the "
      "results. Continuing with the provided token results in an inconsistent "
      "list - objects that were created, modified, or deleted between the time "
      "the first chunk was returned and now may show up in the list.");
  error.next = continue_token(0, after);
  return error;
}

/// The objects of the call as they were at a revision that is still in the history (0: now).
object_list objects_at(const api_call& call, std::uint64_t revision) {
  const auto& all = call.c.objects();
  auto table = call.type.table();
  auto ns = call.type.namespaced ? call.ns : std::string{};
  auto now = all.list(table, ns);
  if (revision == 0 || revision >= all.revision()) return now;
  auto changes = all.since(revision);
  if (!changes) return now;
  std::map<object_key, object> then;
  for (auto& obj : now) then[key_of(*obj)] = obj;
  for (auto at = changes->end(); at != changes->begin();) {
    const auto& seen = *--at;
    if (seen.resource != table || (!ns.empty() && seen.key.ns != ns)) continue;
    if (seen.before)
      then[seen.key] = seen.before;
    else
      then.erase(seen.key);
  }
  auto out = std::make_shared<object_list::all>();
  for (auto& [key, obj] : then) out->push_back(obj);
  return object_list(std::move(out));
}

struct selection {
  std::vector<object> items;
  object_key last;
  std::size_t remaining = 0;
};

selection select(const api_call& call, const list_filter& filter, const object_key& after,
                 std::size_t limit, std::uint64_t revision) {
  selection out;
  const bool pages = limit > 0 || !after.name.empty();
  const auto all = objects_at(call, revision);
  out.items.reserve(all.size());
  for (const auto& obj : all) {
    auto key = pages ? key_of(*obj) : object_key{};
    if (!after.name.empty() && key <= after) continue;
    const bool in_place = call.type.namespaced; // else there may be a namespace that says nothing
    if (!(in_place ? is_selected : passes)(call, filter, *obj)) continue;
    if (limit > 0 && out.items.size() == limit) {
      ++out.remaining;
      continue;
    }
    out.items.push_back(obj);
    out.last = std::move(key);
  }
  return out;
}

json list_of(const api_call& call, const std::vector<object>& found) {
  std::vector<json> items;
  for (const auto& obj : found) items.push_back(presented(call, *obj));
  auto shape = shape_of(call.request);
  if (shape.what == wanted_shape::form::table) {
    auto with = row_object_of(call.request);
    return make_table(call.type, items, call.c.now(), with, shape.version);
  }
  auto out = json::object();
  out["metadata"] = json::object();
  out["items"] = json::array();
  bool partial = shape.what == wanted_shape::form::partial;
  out["kind"] = partial ? "PartialObjectMetadataList" : call.type.list_kind;
  out["apiVersion"] = partial ? "meta.k8s.io/" + shape.version : call.type.api_version();
  for (auto& item : items) {
    if (partial) {
      out["items"].push_back(partial_metadata(item, shape.version));
      continue;
    }
    if (!call.type.custom) { // items of built-in lists carry no type of their own
      item.erase("kind");
      item.erase("apiVersion");
    }
    out["items"].push_back(std::move(item));
  }
  return out;
}

/// `{"kind":…,"apiVersion":…,"metadata":…`
std::string opening(const std::string& kind, const std::string& version, const json& metadata) {
  return "{\"kind\":" + json(kind).dump() + ",\"apiVersion\":" + json(version).dump() +
         ",\"metadata\":" + metadata.dump();
}

/// Appends `,"NAME":[…]}` with what `append` makes of each object.
template <class Append>
void append_all(const char* name, const std::vector<object>& all, std::string& out, Append append) {
  out += std::string(",\"") + name + "\":[";
  for (const auto& obj : all) {
    if (out.back() != '[') out += ',';
    append(obj);
  }
  out += "]}\n";
}

void append_row(const api_call& call, const object& obj, row_object include,
                const std::string& version, std::string& out) {
  out += "{\"cells\":";
  append_json(cells_of(call.type, obj, call.c.now()), out);
  if (include != row_object::none) out += ",\"object\":";
  if (include == row_object::metadata) append_partial(call, obj, version, out);
  if (include == row_object::full) append_stored(call, obj, true, out);
  out += '}';
}

/// A list put together from the texts of its items.
std::string stored_list(const api_call& call, const json& metadata,
                        const std::vector<object>& items) {
  const auto shape = shape_of(call.request);
  const auto meta_version = "meta.k8s.io/" + shape.version;
  std::string out;
  if (shape.what == wanted_shape::form::table) {
    out = opening("Table", meta_version, metadata) +
          ",\"columnDefinitions\":" + dump(columns_of(call.type));
    const auto include = row_object_of(call.request);
    append_all("rows", items, out,
               [&](const object& obj) { append_row(call, obj, include, shape.version, out); });
  } else if (shape.what == wanted_shape::form::partial) {
    out = opening("PartialObjectMetadataList", meta_version, metadata);
    append_all("items", items, out,
               [&](const object& obj) { append_partial(call, obj, shape.version, out); });
  } else {
    out = opening(call.type.list_kind, call.type.api_version(), metadata);
    append_all("items", items, out,
               [&](const object& obj) { append_stored(call, obj, call.type.custom, out); });
  }
  return out;
}

/// Likewise as a value.
json value_list(const api_call& call, json metadata, const std::vector<object>& items) {
  const auto shape = shape_of(call.request);
  if (shape.what != wanted_shape::form::table) {
    auto out = list_of(call, items);
    out["metadata"] = std::move(metadata);
    return out;
  }
  auto out = make_table(call.type, {}, call.c.now(), row_object::none, shape.version);
  out["metadata"] = std::move(metadata);
  const auto include = row_object_of(call.request);
  for (const auto& obj : items) {
    auto row = json::object();
    row["cells"] = cells_of(call.type, obj, call.c.now());
    if (include == row_object::metadata) row["object"] = partial_metadata(*obj, shape.version);
    if (include == row_object::full) row["object"] = presented(call, *obj);
    out["rows"].push_back(std::move(row));
  }
  return out;
}

/// Likewise as what is shown of a table.
std::shared_ptr<const tools::shown_table> shown_list(const api_call& call,
                                                     const std::vector<object>& items) {
  auto out = std::make_shared<tools::shown_table>();
  out->columns = shown_columns(call.type);
  const auto width = out->columns->size();
  out->cells.reserve(width * items.size());
  for (const auto& obj : items) {
    const auto after = out->cells.size() + width;
    append_cells(call.type, obj, call.c.now(), out->cells);
    out->cells.resize(after);
  }
  return out;
}

/// The cells of built-in kinds hold nothing that a masked identity must not see.
bool shows_cells_only(const api_call& call) {
  return shape_of(call.request).what == wanted_shape::form::table &&
         row_object_of(call.request) == row_object::none && !call.type.custom;
}

/// A list of what may be shown as it is stored.
tools::http_response list_response(const api_call& call, int status, json metadata,
                                   const std::vector<object>& items) {
  if (call.request.takes_table && shows_cells_only(call)) {
    auto response = json_header(status);
    response.table = shown_list(call, items);
    return response;
  }
  if (call.request.takes_value)
    return json_response(call.request, status, value_list(call, std::move(metadata), items));
  auto response = json_header(status);
  response.body = stored_list(call, metadata, items);
  return response;
}

/// The object itself, when it says of itself what this version says of it; else a copy.
std::shared_ptr<const json> typed_value(const api_call& call, const object& obj) {
  const auto version = call.type.api_version();
  const auto& kind = at_path(*obj, {"kind"});
  const auto& own = at_path(*obj, {"apiVersion"});
  if (kind.is_string() && own.is_string() && own.get_ref<const std::string&>() == version)
    return obj;
  auto out = *obj;
  out["kind"] = text_at(*obj, {"kind"}, call.type.kind);
  out["apiVersion"] = version;
  return std::make_shared<const json>(std::move(out));
}

/// What is stored is what is shown, but for what a masked identity must not see.
bool takes_stored_text(const api_call& call) {
  return !wants_pretty(call.request) && is_stored_face(call.type) &&
         !has_heartbeat(call.type.table());
}

/// What is read is read again, by others and by other forks; what a write answers hardly ever, but
/// outside.
bool keeps_text(const api_call& call) {
  return call.request.method == "GET" || !call.request.peer.empty();
}

} // namespace

row_object row_object_of(const tools::http_request& request) {
  auto include = request.query.get("includeObject", "Metadata");
  return include == "None"     ? row_object::none
         : include == "Object" ? row_object::full
                               : row_object::metadata;
}

bool wants_stored_text(const api_call& call) {
  return takes_stored_text(call) && !call.who.mask_injection;
}

void append_stored(const api_call& call, const object& obj, bool typed, std::string& out) {
  out += '{';
  if (typed) {
    out += "\"kind\":" + json(text_at(*obj, {"kind"}, call.type.kind)).dump() +
           ",\"apiVersion\":" + json(call.type.api_version()).dump() + ',';
  }
  append_members(obj, keeps_text(call), out);
  if (out.back() == ',') out.pop_back();
  out += '}';
}

void append_partial(const api_call& call, const object& obj, const std::string& version,
                    std::string& out) {
  out += "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/" + version +
         "\",\"metadata\":";
  append_metadata(obj, keeps_text(call), out);
  out += '}';
}

tools::http_response stored_response(const api_call& call, int status, const object& obj) {
  const auto shape = shape_of(call.request).what;
  if (shape == wanted_shape::form::partial || !takes_stored_text(call) ||
      (!shows_cells_only(call) && bears_traces(call.who, obj)))
    return object_response(call, status, *obj);
  if (shape == wanted_shape::form::table) {
    auto metadata = json::object();
    metadata["resourceVersion"] = text_at(*obj, {"metadata", "resourceVersion"});
    return list_response(call, status, std::move(metadata), {obj});
  }
  auto response = json_header(status);
  if (call.request.takes_value) {
    response.value = typed_value(call, obj);
    return response;
  }
  append_stored(call, obj, true, response.body);
  response.body += '\n';
  return response;
}

maybe_error check_revision(const api_call& call, std::uint64_t& revision) {
  auto text = call.request.query.get("resourceVersion");
  revision = 0;
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") != std::string::npos || text.size() > 19) {
    return api_error{500, "",
                     "resourceVersion: Invalid value: " + go_quote(text) +
                         ": strconv.ParseUint: parsing " + go_quote(text) + ": invalid syntax",
                     nullptr};
  }
  revision = std::strtoull(text.c_str(), nullptr, 10);
  auto current = call.c.objects().revision();
  if (revision > current) return errors::too_large_version(revision, current);
  return std::nullopt;
}

tools::http_response get_object(const api_call& call) {
  auto obj = call.c.objects().get(call.type.table(), call.key());
  if (!obj || hides_object(call.who, call.type, *obj)) {
    return error_response(call.request, errors::not_found(call.type, call.name));
  }
  return stored_response(call, 200, obj);
}

tools::http_response list_objects(const api_call& call) {
  list_filter filter;
  object_key after;
  std::uint64_t revision = 0, asked = 0;
  if (auto error = read_filter(call, filter)) return error_response(call.request, *error);
  if (auto error = check_revision(call, asked)) return error_response(call.request, *error);
  if (auto error = read_continue(call, after, revision))
    return error_response(call.request, *error);
  if (call.request.query.get("resourceVersionMatch") == "Exact") {
    if (asked < call.c.objects().oldest()) {
      return error_response(
          call.request, errors::expired("The resourceVersion for the provided list is too old."));
    }
    revision = asked;
  }
  auto limit = std::strtoull(call.request.query.get("limit", "0").c_str(), nullptr, 10);
  auto found = select(call, filter, after, limit, revision);
  if (revision == 0) revision = call.c.objects().revision();
  auto metadata = json::object();
  metadata["resourceVersion"] = std::to_string(revision);
  if (found.remaining > 0) {
    metadata["continue"] = continue_token(revision, found.last);
    if (filter.labels.empty() && filter.fields.empty())
      metadata["remainingItemCount"] = found.remaining;
  }
  const bool as_stored =
      takes_stored_text(call) &&
      (shows_cells_only(call) ||
       std::none_of(found.items.begin(), found.items.end(),
                    [&](const auto& one) { return bears_traces(call.who, one); }));
  if (as_stored) {
    return list_response(call, 200, std::move(metadata), found.items);
  }
  auto out = list_of(call, found.items);
  out["metadata"].update(metadata);
  return json_response(call.request, 200, std::move(out));
}

} // namespace remed::env

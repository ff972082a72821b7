// create, update, patch and what they share.
#include "environments/embedded/api/addresses.hpp"
#include "environments/embedded/api/admission.hpp"
#include "environments/embedded/api/apply.hpp"
#include "environments/embedded/api/faces.hpp"
#include "environments/embedded/api/list.hpp"
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/patch.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/validation.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "environments/embedded/kept_text.hpp"
#include "environments/embedded/sameness.hpp"

namespace remed::env {

namespace {

tools::http_response fail(const api_call& call, const api_error& error) {
  note_audit(call, error.code);
  return error_response(call.request, error);
}

maybe_error invalid_object(const api_call& call, const std::string& name,
                           const std::vector<field_error>& causes) {
  if (causes.empty()) return std::nullopt;
  return errors::invalid(call.type.group, call.type.kind, name, causes);
}

/// The namespace must be there and not on its way out.
maybe_error check_namespace(const api_call& call, const std::string& name) {
  if (!call.type.namespaced) return std::nullopt;
  auto ns = call.c.objects().get("namespaces", {"", call.ns});
  if (!ns) return errors::not_found(*builtin_table("namespaces"), call.ns);
  if (!at_path(*ns, {"metadata"}).contains("deletionTimestamp")) return std::nullopt;
  auto error = errors::forbidden(
      call.type, name,
      "unable to create new content in namespace " + call.ns + " because it is being terminated");
  error.details["causes"] = json::array();
  error.details["causes"].push_back({{"reason", "NamespaceTerminating"},
                                     {"message", "namespace " + call.ns + " is being terminated"},
                                     {"field", "metadata.namespace"}});
  return error;
}

/// Kind, version, name and namespace of a sent object against the URL; what is silent is filled in.
maybe_error check_identity(const api_call& call, json& obj) {
  if (!obj.is_object()) return errors::bad_request("the request body is empty or not an object");
  auto version = text_at(obj, {"apiVersion"}, call.type.api_version());
  auto kind = text_at(obj, {"kind"}, call.type.kind);
  if (version != call.type.api_version()) {
    return errors::bad_request("the API version in the data (" + version +
                               ") does not match the expected API version (" +
                               call.type.api_version() + ")");
  }
  if (kind != call.type.kind) {
    return errors::bad_request(kind + " in version " + go_quote(call.type.version) +
                               " cannot be handled as a " + call.type.kind + ": no kind " +
                               go_quote(kind) + " is registered for the expected type");
  }
  auto& meta = obj["metadata"];
  if (meta.is_null()) meta = json::object();
  if (!meta.is_object()) return errors::bad_request("metadata must be an object");
  auto ns = text_at(meta, {"namespace"});
  if (call.type.namespaced && !ns.empty() && ns != call.ns) {
    return errors::bad_request(
        "the namespace of the provided object does not match the namespace "
        "sent on the request");
  }
  if (call.type.namespaced)
    meta["namespace"] = call.ns;
  else
    meta.erase("namespace");
  auto name = text_at(meta, {"name"});
  if (call.name.empty()) return std::nullopt;
  if (!name.empty() && name != call.name) {
    return errors::bad_request("the name of the object (" + name +
                               ") does not match the name on the URL (" + call.name + ")");
  }
  meta["name"] = call.name;
  return std::nullopt;
}

maybe_error check_versions(const api_call& call, const json& before, const json& sent) {
  auto version = text_at(sent, {"metadata", "resourceVersion"});
  if (!version.empty() && version != text_at(before, {"metadata", "resourceVersion"})) {
    return errors::conflict(call.type, call.name);
  }
  auto uid = text_at(sent, {"metadata", "uid"}), have = text_at(before, {"metadata", "uid"});
  if (!uid.empty() && uid != have) {
    return errors::conflict(
        call.type, call.name,
        "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + have);
  }
  return std::nullopt;
}

field_manager manager(const api_call& call) {
  field_manager out{manager_of(call.request), call.type.api_version(), call.subresource,
                    call.c.now()};
  if (call.subresource.empty() && call.type.has_status()) out.ignored = {"status"};
  if (call.subresource == "status") out.ignored = {"spec"};
  return out;
}

maybe_error check_new_finalizers(const api_call& call, const json& before, const json& after) {
  if (!at_path(before, {"metadata"}).contains("deletionTimestamp")) return std::nullopt;
  const auto& old = at_path(before, {"metadata", "finalizers"});
  for (const auto& f : at_path(after, {"metadata", "finalizers"})) {
    if (std::find(old.begin(), old.end(), f) != old.end()) continue;
    auto text =
        "no new finalizers can be added if the object is being deleted, found new finalizers "
        "[]string{" +
        f.dump() + "}";
    return invalid_object(call, call.name, {forbidden_field("metadata.finalizers", text)});
  }
  return std::nullopt;
}

/// Takes the object out when its last finalizer went while it was being deleted.
bool finish_deletion(const api_call& call, const json& after) {
  const auto& meta = at_path(after, {"metadata"});
  if (!meta.contains("deletionTimestamp") || !at_path(meta, {"finalizers"}).empty()) return false;
  if (int_at(meta, {"deletionGracePeriodSeconds"}) > 0) return false;
  if (call.type.table() == "namespaces" && !at_path(after, {"spec", "finalizers"}).empty())
    return false;
  call.c.erase(call.type.table(), call.key());
  return true;
}

/// Applies the patch of the request to `target`, which may be null for server-side apply.
maybe_error apply_patch(const api_call& call, const json& patch, json& target,
                        std::vector<std::string>& warnings) {
  auto type = std::string(call.request.headers.get("Content-Type"));
  type = type.substr(0, type.find(';'));
  if (type == "application/json-patch+json") return json_patch(target, patch);
  if (type == "application/merge-patch+json") return merge_patch(target, patch);
  if (type == "application/strategic-merge-patch+json") {
    if (call.type.custom) {
      return errors::unsupported_media(
          "the body of the request was in an unknown format - accepted media types include: "
          "application/json-patch+json, application/merge-patch+json, "
          "application/apply-patch+yaml");
    }
    return strategic_merge(call.type.schema, target, patch);
  }
  if (type.rfind("application/apply-patch", 0) != 0) {
    return errors::unsupported_media("415: Unsupported Media Type");
  }
  auto config = patch;
  if (auto version = text_at(config, {"apiVersion"}); version != call.type.api_version()) {
    return errors::bad_request(
        "Incorrect version specified in apply patch. Specified patch version: " + version +
        ", expected: " + call.type.api_version());
  }
  if (auto error = check_identity(call, config)) return error;
  if (auto error = check_fields(call, config, warnings)) return error;
  if (!at_path(config, {"metadata", "managedFields"}).is_null()) {
    return errors::bad_request("metadata.managedFields must be nil");
  }
  return server_side_apply(call.type.schema, manager(call), call.request.query.flag("force"),
                           config, target);
}

bool is_apply(const api_call& call) {
  return call.request.headers.get("Content-Type").find("apply-patch") != std::string_view::npos;
}

maybe_error check_apply_options(const api_call& call) {
  if (!is_apply(call) || call.request.query.has("fieldManager")) return std::nullopt;
  return errors::invalid("meta.k8s.io", "PatchOptions", "",
                         {required("fieldManager", "is required for apply patch")});
}

/// What only a look at all Services tells.
maybe_error check_addresses(const api_call& call, const json& obj) {
  if (call.type.table() != "services") return std::nullopt;
  return invalid_object(call, call.name, address_conflicts(call.c, obj));
}

/// Everything between a complete new object and the store; `written` is the object as created,
/// before anything reacted to it.
maybe_error store_new(api_call& call, json obj, object& written) {
  fill_defaults(call.type, obj);
  // Owned is what the client said and what follows from it, not what the server allots.
  if (!is_apply(call)) record_update(call.type.schema, manager(call), nullptr, obj);
  prepare_create(call.c, call.type, obj);
  call.name = text_at(obj, {"metadata", "name"});
  if (call.c.objects().get(call.type.table(), call.key())) {
    return errors::already_exists(call.type, call.name);
  }
  if (auto allowed = admit(call.c, call.type.table(), obj); !allowed) {
    return errors::forbidden(call.type, call.name, allowed.why().what);
  }
  // Webhooks that complete an object come before validation, those that judge it after.
  const auto refused = run_admissions(call, nullptr, obj);
  if (auto error = invalid_object(call, call.name, validate_create(call.type, obj))) return error;
  if (refused) return refused;
  if (auto error = check_addresses(call, obj)) return error;
  if (call.is_dry()) {
    written = make_object(std::move(obj));
    return std::nullopt;
  }
  written = call.c.put(call.type.table(), std::move(obj));
  note_audit(call, 201, {}, written);
  call.c.settle();
  return std::nullopt;
}

} // namespace

tools::http_response create_object(api_call& call) {
  json obj;
  if (auto error = read_body(call, obj)) return fail(call, *error);
  if (auto error = check_identity(call, obj)) return fail(call, *error);
  std::vector<std::string> warnings;
  if (auto error = check_fields(call, obj, warnings)) return fail(call, *error);
  if (auto error = check_namespace(call, text_at(obj, {"metadata", "name"})))
    return fail(call, *error);
  // The storage's own refusal, which no handler translates.
  if (!text_at(obj, {"metadata", "resourceVersion"}).empty()) {
    return fail(call, {500, "", "resourceVersion should not be set on objects to be created",
                       json::object()});
  }
  object written;
  if (auto error = store_new(call, stored_form(call.type, std::move(obj)), written))
    return fail(call, *error);
  auto response = stored_response(call, 201, written);
  add_warnings(response, warnings);
  return response;
}

maybe_error store_update(const api_call& call, const object& was, json after, object& written) {
  const auto& before = *was;
  keep_masked(call.who, before, after);
  prepare_update(call.type, before, after, call.subresource);
  if (call.type.table() == "services" && call.subresource.empty()) allot_addresses(call.c, after);
  if (auto error = check_new_finalizers(call, before, after)) return error;
  const auto refused = run_admissions(call, &before, after);
  if (call.subresource.empty() || call.subresource == "scale") {
    if (auto error = invalid_object(call, call.name, validate_update(call.type, before, after))) {
      return error;
    }
    if (auto error = check_addresses(call, after)) return error;
  }
  if (refused) return refused;
  if (!is_apply(call)) record_update(call.type.schema, manager(call), before, after);
  if (same_but_times(before, after)) {
    written = was;
    return std::nullopt;
  }
  if (call.is_dry()) {
    after["metadata"]["resourceVersion"] = at_path(before, {"metadata", "resourceVersion"});
    written = make_object(std::move(after));
    return std::nullopt;
  }
  written = call.c.put(call.type.table(), std::move(after));
  if (written != was) note_audit(call, 200, was, written);
  finish_deletion(call, *written);
  call.c.settle();
  return std::nullopt;
}

tools::http_response update_object(const api_call& call) {
  json obj;
  if (auto error = read_body(call, obj)) return fail(call, *error);
  if (auto error = check_identity(call, obj)) return fail(call, *error);
  auto before = call.c.objects().get(call.type.table(), call.key());
  if (!before || hides_object(call.who, call.type, *before))
    return fail(call, errors::not_found(call.type, call.name));
  if (auto error = check_versions(call, *before, obj)) return fail(call, *error);
  std::vector<std::string> warnings;
  if (auto error = check_fields(call, obj, warnings)) return fail(call, *error);
  obj = stored_form(call.type, std::move(obj));
  // A client that sends no managedFields leaves them as they are.
  if (at_path(obj, {"metadata", "managedFields"}).is_null()) {
    const auto& managed = at_path(*before, {"metadata", "managedFields"});
    if (!managed.is_null()) obj["metadata"]["managedFields"] = managed;
  }
  object written;
  if (auto error = store_update(call, before, std::move(obj), written)) return fail(call, *error);
  auto response = stored_response(call, 200, written);
  add_warnings(response, warnings);
  return response;
}

namespace {

tools::http_response apply_new(const api_call& call, const json& patch) {
  auto fresh = call;
  json obj;
  std::vector<std::string> warnings;
  if (auto error = check_namespace(call, call.name)) return fail(call, *error);
  if (auto error = apply_patch(call, patch, obj, warnings)) return fail(call, *error);
  object written;
  if (auto error = store_new(fresh, stored_form(call.type, std::move(obj)), written))
    return fail(call, *error);
  auto response = stored_response(call, 201, written);
  add_warnings(response, warnings);
  return response;
}

} // namespace

tools::http_response patch_object(const api_call& call) {
  json patch;
  if (auto error = check_apply_options(call)) return fail(call, *error);
  if (auto error = read_body(call, patch)) return fail(call, *error);
  auto before = call.c.objects().get(call.type.table(), call.key());
  if (before && hides_object(call.who, call.type, *before)) before = {};
  if (!before && is_apply(call) && call.subresource.empty()) return apply_new(call, patch);
  if (!before) return fail(call, errors::not_found(call.type, call.name));
  auto target = face_of(call.type, *before);
  std::vector<std::string> warnings;
  if (auto error = apply_patch(call, patch, target, warnings)) return fail(call, *error);
  if (text_at(target, {"metadata", "name"}) != call.name) {
    return fail(call, errors::bad_request(
                          "the name of the object (" + text_at(target, {"metadata", "name"}) +
                          ") does not match the name on the URL (" + call.name + ")"));
  }
  if (auto error = check_versions(call, *before, target)) return fail(call, *error);
  if (!is_apply(call)) {
    bool strategic =
        call.request.headers.get("Content-Type").find("strategic") != std::string::npos;
    auto quoted = strategic ? go_print(patch) : std::string{};
    if (auto error = check_fields(call, target, warnings, quoted)) return fail(call, *error);
  }
  object written;
  if (auto error = store_update(call, before, stored_form(call.type, std::move(target)), written)) {
    return fail(call, *error);
  }
  auto response = stored_response(call, 200, written);
  add_warnings(response, warnings);
  return response;
}

} // namespace remed::env

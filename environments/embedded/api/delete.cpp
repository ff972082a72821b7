// delete and deletecollection.
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/kept_text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

maybe_error check_preconditions(const api_call& call, const json& before,
                                const delete_options& options) {
  auto name = text_at(before, {"metadata", "name"});
  auto uid = text_at(before, {"metadata", "uid"});
  auto fail = [&](const std::string& why) {
    auto details = json::object();
    details["name"] = name;
    details["kind"] = call.type.kind;
    if (!call.type.group.empty()) details["group"] = call.type.group;
    return api_error{
        409, "Conflict",
        "Operation cannot be fulfilled on " + call.type.kind + " " + go_quote(name) + ": " + why,
        details};
  };
  if (!options.uid.empty() && options.uid != uid) {
    return fail("the UID in the precondition (" + options.uid +
                ") does not match the UID in record (" + uid +
                "). The object might have been deleted and then recreated");
  }
  auto version = text_at(before, {"metadata", "resourceVersion"});
  if (!options.resource_version.empty() && options.resource_version != version) {
    return fail("the ResourceVersion in the precondition (" + options.resource_version +
                ") does not match the ResourceVersion in record (" + version +
                "). The object might have been modified");
  }
  return std::nullopt;
}

/// Seconds that a pod gets to end; other kinds go at once.
std::int64_t grace_of(const api_call& call, const json& obj, const delete_options& options) {
  if (call.type.table() != "pods") return 0;
  auto phase = text_at(obj, {"status", "phase"});
  if (text_at(obj, {"spec", "nodeName"}).empty() || phase == "Succeeded" || phase == "Failed")
    return 0;
  auto own = int_at(obj, {"spec", "terminationGracePeriodSeconds"}, 30);
  return std::max<std::int64_t>(0, options.grace.value_or(own));
}

void set_finalizer(json& meta, const char* name, bool present) {
  auto kept = json::array();
  for (const auto& f : at_path(meta, {"finalizers"})) {
    if (f != name) kept.push_back(f);
  }
  if (present) kept.push_back(name);
  if (kept.empty())
    meta.erase("finalizers");
  else
    meta["finalizers"] = std::move(kept);
}

/// A definition waits for its objects to be deleted.
void hold_crd(json& crd, vtime now) {
  set_finalizer(crd["metadata"], crd_cleanup_finalizer, true);
  auto condition = json::object();
  condition["type"] = "Terminating";
  condition["status"] = "True";
  condition["lastTransitionTime"] = rfc3339(now);
  condition["reason"] = "InstanceDeletionPending";
  condition["message"] =
      "CustomResourceDefinition marked for deletion; CustomResource deletion will be issued soon";
  crd["status"]["conditions"].push_back(std::move(condition));
}

/// Propagation is a finalizer that the garbage collector removes when it has done its part.
void mark_propagation(json& meta, const std::string& policy) {
  if (policy.empty()) return;
  set_finalizer(meta, "orphan", policy == "Orphan");
  set_finalizer(meta, "foregroundDeletion", policy == "Foreground");
}

} // namespace

maybe_error remove_object(const api_call& call, const json& before, const delete_options& options,
                          object& left) {
  if (auto error = check_preconditions(call, before, options)) return error;
  auto after = before;
  mark_propagation(after["metadata"], options.propagation);
  auto grace = grace_of(call, before, options);
  bool leaving = at_path(after, {"metadata"}).contains("deletionTimestamp");
  auto old_grace = int_at(after, {"metadata", "deletionGracePeriodSeconds"});
  if (leaving && grace > 0) grace = std::min(grace, old_grace);
  bool is_namespace = call.type.table() == "namespaces";
  bool is_crd = call.type.kind == "CustomResourceDefinition" && !call.type.custom;
  if (is_crd && !leaving) hold_crd(after, call.c.now());
  bool held = !at_path(after, {"metadata", "finalizers"}).empty() ||
              (is_namespace && !at_path(after, {"spec", "finalizers"}).empty());
  if (grace == 0 && !held) {
    left = {};
    if (!call.is_dry()) call.c.erase(call.type.table(), key_of(before));
    return std::nullopt;
  }
  auto& meta = after["metadata"];
  if (!leaving || grace < old_grace) {
    meta["deletionTimestamp"] = rfc3339(call.c.now() + std::chrono::seconds{grace});
    if (!is_crd && !is_namespace) meta["deletionGracePeriodSeconds"] = grace;
  }
  if (meta.contains("generation") && !leaving && !is_crd)
    meta["generation"] = int_at(meta, {"generation"}) + 1;
  if (is_namespace) after["status"]["phase"] = "Terminating";
  left = call.is_dry() ? make_object(std::move(after))
                       : call.c.put(call.type.table(), std::move(after));
  return std::nullopt;
}

tools::http_response delete_object(const api_call& call) {
  delete_options options;
  if (auto error = read_delete_options(call, options)) return error_response(call.request, *error);
  auto before = call.c.objects().get(call.type.table(), call.key());
  if (!before || hides_object(call.who, call.type, *before)) {
    note_audit(call, 404);
    return error_response(call.request, errors::not_found(call.type, call.name));
  }
  object left;
  if (auto error = remove_object(call, *before, options, left)) {
    note_audit(call, error->code);
    return error_response(call.request, *error);
  }
  if (!call.is_dry()) note_audit(call, 200, before, left);
  call.c.settle();
  bool answers_object = call.type.table() == "pods" || call.type.table() == "namespaces";
  if (left) return object_response(call, 200, *left);
  if (answers_object) {
    auto gone = *before;
    if (!gone["metadata"].contains("deletionTimestamp"))
      gone["metadata"]["deletionTimestamp"] = rfc3339(call.c.now());
    if (call.type.table() == "pods") gone["metadata"]["deletionGracePeriodSeconds"] = 0;
    return object_response(call, 200, gone);
  }
  auto details = json::object();
  details["name"] = call.name;
  if (!call.type.group.empty()) details["group"] = call.type.group;
  details["kind"] = call.type.plural;
  details["uid"] = text_at(*before, {"metadata", "uid"});
  json out = {{"kind", "Status"},
              {"apiVersion", "v1"},
              {"metadata", json::object()},
              {"status", "Success"},
              {"details", details}};
  return json_response(call.request, 200, out);
}

tools::http_response delete_collection(const api_call& call) {
  delete_options options;
  list_filter filter;
  if (auto error = read_delete_options(call, options)) return error_response(call.request, *error);
  if (auto error = read_filter(call, filter)) return error_response(call.request, *error);
  auto out = json::object();
  out["kind"] = call.type.list_kind;
  out["apiVersion"] = call.type.api_version();
  out["items"] = json::array();
  for (const auto& obj : call.c.objects().list(call.type.table(), call.ns)) {
    if (!passes(call, filter, *obj)) continue;
    auto one = call;
    one.name = text_at(*obj, {"metadata", "name"});
    object left;
    if (auto error = remove_object(one, *obj, options, left)) {
      return error_response(call.request, *error);
    }
    if (!call.is_dry()) note_audit(one, 200, obj, left);
    out["items"].push_back(presented(call, *obj));
  }
  call.c.settle();
  out["metadata"]["resourceVersion"] = std::to_string(call.c.objects().revision());
  return json_response(call.request, 200, out);
}

} // namespace remed::env

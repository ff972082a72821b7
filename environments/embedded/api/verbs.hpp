// get, list, create, update, patch, delete, deletecollection of ordinary objects.
#pragma once

#include "environments/embedded/api/context.hpp"
#include "environments/embedded/api/selectors.hpp"

namespace remed::env {

tools::http_response get_object(const api_call& call);
tools::http_response list_objects(const api_call& call);
tools::http_response create_object(api_call& call);
tools::http_response update_object(const api_call& call);
tools::http_response patch_object(const api_call& call);
tools::http_response delete_object(const api_call& call);
tools::http_response delete_collection(const api_call& call);

/// The parsed label and field selectors of a request.
struct list_filter {
  requirements labels, fields;
};
maybe_error read_filter(const api_call& call, list_filter& out);
/// Whether the caller's list or watch contains an object.
bool passes(const api_call& call, const list_filter& filter, const json& obj);
/// The same of an object in the namespace that the call speaks of, when it names none.
bool is_selected(const api_call& call, const list_filter& filter, const json& obj);

/// The body as JSON (JSON or YAML by content type); an empty body is null.
maybe_error read_body(const api_call& call, json& out);

/// Checks and stores a change of an existing object: admission, validation, ownership, finalizers,
/// audit. `written` is what there is then; of a dry run, what there would be.
maybe_error store_update(const api_call& call, const object& before, json after, object& written);

/// The options of a DELETE, from body and query.
struct delete_options {
  std::optional<std::int64_t> grace;
  std::string propagation; ///< Background, Foreground, Orphan; empty: the kind's default
  std::string uid, resource_version;
};
maybe_error read_delete_options(const api_call& call, delete_options& out);
/// Deletes one object as the API does: preconditions, finalizers, grace. `left` is what remains of
/// it, or none when it is gone.
maybe_error remove_object(const api_call& call, const json& before, const delete_options& options,
                          object& left);

/// Adds `Warning: 299 - "…"` headers.
void add_warnings(tools::http_response& response, const std::vector<std::string>& warnings);
/// Handles fieldValidation: prunes what is unknown, warns or refuses. `patch` is what a refusal
/// quotes, by default the object.
maybe_error check_fields(const api_call& call, json& obj, std::vector<std::string>& warnings,
                         const std::string& patch = {});
/// Runs the admissions of the cluster.
maybe_error run_admissions(const api_call& call, const json* before, json& now);
/// The field manager of a write.
std::string manager_of(const tools::http_request& request);

} // namespace remed::env

// What lists and watches share.
#pragma once

#include "environments/embedded/api/context.hpp"
#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/table.hpp"

namespace remed::env {

/// resourceVersion of the query (0: none); text that is no number and the future are refused.
maybe_error check_revision(const api_call& call, std::uint64_t& revision);

/// How much of each object the caller wants with its row.
row_object row_object_of(const tools::http_request& request);

/// Whether this caller gets objects as they are stored, in compact JSON: then nothing but the kept
/// texts need be put together.
bool wants_stored_text(const api_call& call);
/// Appends such an object; `typed`: with its kind and apiVersion.
void append_stored(const api_call& call, const object& obj, bool typed, std::string& out);
/// Appends {kind: PartialObjectMetadata, …, metadata}.
void append_partial(const api_call& call, const object& obj, const std::string& version,
                    std::string& out);

/// One object in the shape the caller wants.
tools::http_response stored_response(const api_call& call, int status, const object& obj);

} // namespace remed::env

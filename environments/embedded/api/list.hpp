// What lists and watches share.
#pragma once

#include "environments/embedded/api/context.hpp"
#include "environments/embedded/api/selectors.hpp"

namespace remed::env {

/// resourceVersion of the query (0: none); text that is no number and the future are refused.
maybe_error check_revision(const api_call& call, std::uint64_t& revision);

/// Whether this caller gets objects as they are stored, whole and in compact JSON.
bool wants_stored_text(const api_call& call);
/// Appends such an object; `typed`: with its kind and apiVersion.
void append_stored(const api_call& call, const object& obj, bool typed, std::string& out);

} // namespace remed::env

// What is checked of a request before its verb runs: whom it speaks for, and its options.
#pragma once

#include "environments/embedded/api/context.hpp"

namespace remed::env {

/// Follows Impersonate-User and Impersonate-Group: `as` becomes the one spoken for, if it may.
maybe_error impersonate(const store& objects, const tools::http_request& request,
                        std::shared_ptr<const identity>& as);

/// dryRun, fieldValidation, fieldManager and force of a write.
maybe_error check_write_options(const api_call& call);

/// Options of list and watch: numbers, and which resourceVersionMatch goes with what.
maybe_error check_list_options(const api_call& call);

/// Whether the client takes an answer in a form that the API server speaks.
maybe_error check_accept(const api_call& call);

} // namespace remed::env

// What lists and watches share.
#pragma once

#include "environments/embedded/api/context.hpp"
#include "environments/embedded/api/selectors.hpp"

namespace remed::env {

/// resourceVersion of the query (0: none); text that is no number and the future are refused.
maybe_error check_revision(const api_call& call, std::uint64_t& revision);

} // namespace remed::env

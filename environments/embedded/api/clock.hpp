// The clock of a cluster for those who drive it from outside: the one address that is not
// Kubernetes'.
#pragma once

#include "environments/embedded/api/context.hpp"

namespace remed::env {

inline constexpr auto clock_path = "/remed/clock";

/// GET: {"now", "nextEvent"}. POST {"advanceSeconds": S}: lets so much virtual time pass first,
/// with all that falls due in it. Administrators only; 404 for anybody else.
tools::http_response answer_clock(api_server::state& s, const identity& who,
                                  const tools::http_request& request);

} // namespace remed::env

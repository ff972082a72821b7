// What applications write to their logs: how they start, whom they serve, and what they complain of
// when somebody they need does not answer. Written when somebody reads, up to the present moment:
// a log nobody reads costs nothing.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <string>

namespace remed::env {

/// Adds to the container's log what its application has said since it was last brought up to date.
void bring_log_up_to_date(cluster& c, const std::string& pod_uid, const std::string& container);

} // namespace remed::env

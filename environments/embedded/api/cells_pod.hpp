// The row of a pod.
#pragma once

#include "environments/embedded/api/cell_draft.hpp"

namespace remed::env {

/// READY, STATUS, RESTARTS and the rest, by the rules of kube-apiserver's printPod.
json pod_cells(const json& pod, ages& now);

} // namespace remed::env

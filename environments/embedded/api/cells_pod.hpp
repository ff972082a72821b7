// The row of a pod.
#pragma once

#include "environments/embedded/store.hpp"
#include "runtime/time.hpp"

namespace remed::env {

/// READY, STATUS, RESTARTS and the rest, by the rules of kube-apiserver's printPod.
json pod_cells(const json& pod, vtime now);

} // namespace remed::env

// `kubectl exec`: one command is answered by the simulation; a shell runs for real, in a sandbox
// whose programs that show the pod's state ask the simulation.
#pragma once

#include "environments/embedded/api_server.hpp"
#include "tools/io_loop.hpp"
#include "tools/sandbox.hpp"

namespace remed::env {

/// How long a shell in a container may run: as long as a kubelet keeps a stream.
inline constexpr std::chrono::hours exec_time_limit{4};

/// Without a loop (a stepped world) commands are answered at once and a shell takes only single
/// plain commands. With one, an answer comes when its virtual time has passed on the cluster's
/// clock, at the latest after as much wall time.
exec_backend make_exec_backend(tools::io_loop* loop, tools::sandbox_spec::mode sandbox);

} // namespace remed::env

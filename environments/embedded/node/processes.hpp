// The processes of a container: who is there, and what a signal does to them.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"
#include "runtime/result.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// What `ps` shows, by pid; empty when the container does not run.
std::vector<process_info> visible_processes(const cluster& c, const std::string& pod_uid,
                                            const std::string& container);

/// Sends a signal (number) as root of the container would. Fails with the shell's words:
/// "No such process" (errc::failed), errc::bad_input for a bad signal. Rules: PID 1 sees only
/// signals it handles (KILL from inside is ignored); killing the image's main process ends the
/// instance; killing the parent of a hog ends its effect ("process_killed"); a killed worker of
/// stress-ng is not replaced, the last one ends the parent; memStress' child returns within 1 s.
result<void> kill_process(cluster& c, const std::string& pod_uid, const std::string& container,
                          int pid, int signal);

/// Puts the processes of a hog into the table of the container it lives in.
void attach_effect_processes(cluster& c, std::uint64_t effect_id);

/// Ends a running container as by SIGKILL from outside (container-kill, exec'd `kill 1` with a
/// handler): exit code 137 unless another is given.
void kill_container(cluster& c, const std::string& pod_uid, const std::string& container,
                    int exit_code = 137);

/// What the container's own processes and its hogs hold in memory, in bytes, never above the limit.
double memory_in_use(const cluster& c, const json& pod, const std::string& container);

/// The part of it that the image's own processes hold.
double memory_without_hogs(const cluster& c, const json& pod, const std::string& container);

} // namespace remed::env

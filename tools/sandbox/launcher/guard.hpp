// Watches everything inside a sandbox from outside of it: total memory, CPU time and processes of
// the whole tree, which per-process limits do not bound.
#pragma once

#include <sys/types.h>

#include "spec.hpp"

namespace remed::sandbox {

/// In pid 1 of the new namespaces: hands the namespace's own process table to the guard. Where the
/// kernel refuses one (a masked /proc around us) the guard only waits.
void show_processes(int to_guard);

/// Outside: waits for `init` and returns its wait status. Kills it, and with it everything inside,
/// when the tree exceeds what `s` allows; what was exceeded is told over the control socket ("K"
/// and a text that begins with memory, cpu or processes).
int guard_until_end(pid_t init, int from_init, const spec& s);

} // namespace remed::sandbox

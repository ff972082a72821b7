// What is taken away from the command just before it starts: capabilities, resources, system calls.
#pragma once

#include "spec.hpp"

namespace remed::sandbox {

/// Memory, processes, file size, descriptors; no core files.
void set_limits(const spec& s);
/// All capabilities, also those an exec as uid 0 would bring back; no new privileges.
void drop_capabilities();
/// Installs the system-call filter (see seccomp.cpp for the list).
void install_seccomp();

} // namespace remed::sandbox

// Entering a sandbox: called by the launcher program and, through the module library
// `remed-sandbox-enter`, by a forked child of the Ansible host process.
#pragma once

#include "spec.hpp"

namespace remed::sandbox {

/// Returns only in the innermost process, ready to run the untrusted command: an ordinary user of
/// the host, pid 2 of its own namespaces, without capabilities, filtered and limited. The calling
/// process waits for it and ends with its exit code (128 + signal when killed); when the calling
/// process is killed, everything inside is gone. The caller must have a single thread.
void enter(spec s);

} // namespace remed::sandbox

extern "C" {
/// `enter` for other languages; `json` as in spec.cpp.
void remed_sandbox_enter(const char* json);
/// Becomes an ordinary user when root.
void remed_sandbox_drop_root();
}

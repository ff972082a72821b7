// The root folder as seen inside.
#pragma once

#include "spec.hpp"

namespace remed::sandbox {

/// Builds the root and makes it this process's; the host's is out of reach afterwards. Called in
/// pid 1 of the new namespaces.
void build_root(const spec& s);

/// The links busybox wants ("bin/ls" …); runs the host's busybox.
std::vector<std::string> busybox_applets();

} // namespace remed::sandbox

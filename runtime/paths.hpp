// Where shipped data (systems, faults, configs, schemas) is found.
#pragma once

#include "runtime/result.hpp"

#include <filesystem>
#include <string>

namespace remed {

/// The folder that holds `configs/`, `environments/`, `chaos/`: REMED_HOME, else the source tree
/// this program was built from.
std::filesystem::path data_root();

/// A whole file; the failure names it.
result<std::string> read_file(const std::filesystem::path& path);

/// Has the disk keep what was written to a file or folder, so that it outlives the machine.
result<void> sync_file(const std::filesystem::path& path);

} // namespace remed

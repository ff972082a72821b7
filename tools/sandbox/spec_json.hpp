// The launcher's spec, as it travels.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/result.hpp"
#include "tools/sandbox.hpp"
#include "tools/spawn.hpp"

namespace remed::tools {

/// Fills in cwd and the environment that `start_sandboxed` promises.
void add_sandbox_defaults(const sandbox_spec& spec, command& cmd);

/// The spec without its descriptors. Content that is not UTF-8 is marked and carried byte by byte.
json to_json(const sandbox_spec& spec, const command& cmd);

/// `text` in an anonymous file, positioned at its start; no file system is involved.
result<unique_fd> memory_file(const std::string& text);

} // namespace remed::tools

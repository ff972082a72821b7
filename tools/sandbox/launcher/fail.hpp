// How setting up a sandbox ends when a step is refused: the reason goes to the runtime over the
// control socket and to standard error, and the process ends. There is nothing to unwind: what was
// half set up dies with the process.
#pragma once

#include <string>

namespace remed::sandbox {

/// Exit code of a sandbox that could not be set up.
inline constexpr int setup_failed = 125;

/// Where reasons are sent; -1 for nowhere.
void set_control(int fd);
/// Ends the process with `reason`.
[[noreturn]] void fail_with(const std::string& reason);
/// Ends the process with `step` and the text of errno.
[[noreturn]] void fail_errno(const std::string& step);

} // namespace remed::sandbox

// Starts a program as a child in a session of its own that inherits nothing but what it is given.
#pragma once

#include "runtime/result.hpp"
#include "tools/process.hpp"

#include <sys/types.h>

namespace remed::tools {

/// An owned file descriptor.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept;
  ~unique_fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void reset();

private:
  int fd_ = -1;
};

/// The parent's ends; `in` is invalid when the child's standard input is /dev/null. Of a terminal
/// there are two handles, `in` and `out`.
struct spawned {
  pid_t pid = -1; ///< also the id of its session and process group
  unique_fd pidfd, in, out, err;
};

/// Starts `cmd` with pipes at its standard streams. All other descriptors except `pass_fds` are
/// closed in the child, its signal mask and handlers are the default ones.
result<spawned> spawn(const command& cmd, bool with_input);

} // namespace remed::tools

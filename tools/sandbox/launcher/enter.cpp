#include "enter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.hpp"
#include "guard.hpp"
#include "limits.hpp"
#include "namespaces.hpp"
#include "root.hpp"
#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace remed::sandbox {
namespace {

/// Nothing the caller happened to have open may leak inside.
void close_others(const spec& s) {
  auto keep = s.keep_fds;
  if (s.control_fd >= 0) keep.push_back(s.control_fd);
  std::sort(keep.begin(), keep.end());
  unsigned from = 3;
  for (int fd : keep) {
    if (fd < static_cast<int>(from)) continue;
    if (fd > static_cast<int>(from)) close_range(from, static_cast<unsigned>(fd) - 1, 0);
    from = static_cast<unsigned>(fd) + 1;
  }
  close_range(from, ~0u, 0);
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Waits for one child and ends like it. Orphans that come to pid 1 are reaped on the way; when pid
/// 1 ends, the kernel kills whatever is left inside.
[[noreturn]] void end_with(pid_t child) {
  // The command's output ends when the command's own descriptors close.
  close_range(3, ~0u, 0);
  for (;;) {
    int status = 0;
    const auto pid = waitpid(-1, &status, 0);
    if (pid == child) _exit(exit_code_of(status));
    if (pid < 0 && errno != EINTR) _exit(setup_failed);
  }
}

pid_t fork_or_fail() {
  const auto pid = fork();
  if (pid < 0) fail_errno("fork");
  return pid;
}

/// PDEATHSIG is only armed from the call on: a parent that died before it left its end of the pair
/// closed.
void end_if_orphaned(int to_parent) {
  pollfd p{to_parent, 0, 0};
  if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0) _exit(setup_failed);
}

/// In pid 1 of the new namespaces.
void become_command(const spec& s) {
  build_root(s);
  if (chdir(s.cwd.c_str()) != 0) fail_errno("enter " + s.cwd);
  prctl(PR_SET_DUMPABLE, 0); // the command may not read what pid 1 knows
  const auto command = fork_or_fail();
  if (command > 0) end_with(command);
  setsid();
  ioctl(STDIN_FILENO, TIOCSCTTY, 0); // where it is a terminal: for job control and Ctrl-C
  set_control(s.control_fd);
  drop_capabilities();
  set_limits(s);
  prctl(PR_SET_DUMPABLE, 1);
  install_seccomp();
}

} // namespace

void enter(spec s) {
  set_control(s.control_fd);
  close_others(s);
  if (s.control_fd >= 0) fcntl(s.control_fd, F_SETFD, FD_CLOEXEC);
  drop_root();
  if (s.pod) s.applets = busybox_applets();
  die_with_parent();
  unshare_all(s);
  die_with_parent();
  hand_out_listener(s);
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) fail_errno("socketpair");
  const auto init = fork_or_fail();
  if (init > 0) {
    close(pair[0]);
    prctl(PR_SET_DUMPABLE, 0);
    _exit(exit_code_of(guard_until_end(init, pair[1], s)));
  }
  close(pair[1]);
  die_with_parent();
  end_if_orphaned(pair[0]);
  show_processes(pair[0]);
  close(pair[0]);
  become_command(s);
}

} // namespace remed::sandbox

void remed_sandbox_enter(const char* json) {
  remed::sandbox::enter(remed::sandbox::parse_spec(json));
}

void remed_sandbox_drop_root() {
  remed::sandbox::drop_root();
}

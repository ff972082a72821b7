#include "fail.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace remed::sandbox {
namespace {

// The one place that cannot be an argument: a failure may strike at any depth of the set-up.
int control = -1;

} // namespace

void set_control(int fd) {
  control = fd;
}

void fail_with(const std::string& reason) {
  const auto packet = "E" + reason;
  if (control >= 0) (void)!send(control, packet.data(), packet.size(), MSG_NOSIGNAL);
  const auto line = "remed-sandbox: " + reason + "\n";
  (void)!write(STDERR_FILENO, line.data(), line.size());
  _exit(setup_failed);
}

void fail_errno(const std::string& step) {
  const auto* text = strerror(errno);
  fail_with(step + ": " + text);
}

} // namespace remed::sandbox

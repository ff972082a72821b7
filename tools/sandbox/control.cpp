#include "tools/sandbox/control.hpp"

#include "tools/net.hpp"
#include "tools/sandbox/passed_files.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace remed::tools {

struct sandbox_control::stream {
  explicit stream(net::io_context& context) : socket(context.get_executor()) {}
  descriptor socket;
};

result<std::array<unique_fd, 2>> socket_pair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) {
    return failure{errc::failed, std::string("socketpair: ") + std::strerror(errno)};
  }
  return std::array<unique_fd, 2>{unique_fd{fds[0]}, unique_fd{fds[1]}};
}

sandbox_control::sandbox_control(io_loop& loop, unique_fd ours,
                                 std::function<void(int fd)> on_listener)
    : stream_(std::make_unique<stream>(loop.impl().context)), on_listener_(std::move(on_listener)) {
  error_code ec;
  stream_->socket.assign(ours.get(), ec);
  if (ec) {
    error_ = "cannot watch the sandbox: " + ec.message();
  } else {
    ours.release();
  }
}

sandbox_control::~sandbox_control() = default;

void sandbox_control::start() {
  if (!stream_->socket.is_open()) return;
  stream_->socket.async_wait(descriptor::wait_read, [self = shared_from_this()](error_code ec) {
    if (ec) return;
    self->drain();
    self->start();
  });
}

void sandbox_control::drain() {
  while (receive()) continue;
}

void sandbox_control::stop() {
  on_listener_ = {};
  error_code ignored;
  stream_->socket.close(ignored);
}

bool sandbox_control::receive() {
  if (!stream_->socket.is_open()) return false;
  char text[4096];
  int fd = -1;
  const auto n = receive_file(stream_->socket.native_handle(), text, fd, MSG_DONTWAIT);
  if (n < 0) return errno == EINTR;
  if (n == 0) {
    error_code ignored;
    stream_->socket.close(ignored);
    return false;
  }
  if (text[0] == 'E') error_.assign(text + 1, static_cast<std::size_t>(n) - 1);
  if (text[0] == 'K') limit_.assign(text + 1, static_cast<std::size_t>(n) - 1);
  if (fd >= 0) {
    auto give = std::exchange(on_listener_, {});
    if (give) {
      give(fd);
    } else {
      ::close(fd);
    }
  }
  return true;
}

} // namespace remed::tools

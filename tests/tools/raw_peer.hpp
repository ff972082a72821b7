// A TCP client that sends exactly the bytes it is told, well-formed or not.
#pragma once

#include "tests/tools/pump.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace remed::test {

class raw_peer {
public:
  raw_peer(tools::io_loop& loop, std::uint16_t port)
      : loop_(loop), fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~raw_peer() { close(); }
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void shut_down_sending() { ::shutdown(fd_, SHUT_WR); }
  /// Sends what fits without waiting; the number of bytes.
  std::size_t send(std::string_view bytes) {
    auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
  }
  /// Sends all, running the loop while the socket is full.
  bool send_all(std::string_view bytes) {
    return pump(loop_, [&] {
      bytes.remove_prefix(send(bytes));
      receive();
      return bytes.empty() || ended_;
    });
  }
  /// All that came so far.
  const std::string& received() {
    receive();
    return received_;
  }
  bool ended() {
    receive();
    return ended_;
  }
  /// Runs the loop until `text` has come (or the peer has closed).
  bool wait_for(std::string_view text) {
    pump(loop_, [&] { return received().find(text) != std::string::npos || ended_; });
    return received_.find(text) != std::string::npos;
  }
  bool wait_for_end(std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    return pump(
        loop_, [&] { return ended(); }, limit);
  }
  void forget() { received_.clear(); }

private:
  void receive() {
    char data[4096];
    for (;;) {
      auto n = ::recv(fd_, data, sizeof data, 0);
      if (n > 0)
        received_.append(data, static_cast<std::size_t>(n));
      else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        ended_ = true;
      if (n <= 0) return;
    }
  }

  tools::io_loop& loop_;
  int fd_;
  bool connected_ = false, ended_ = false;
  std::string received_;
};

} // namespace remed::test

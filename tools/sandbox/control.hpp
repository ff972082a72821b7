// The socket over which a sandbox being set up hands out its listener or says what went wrong.
#pragma once

#include "runtime/result.hpp"
#include "tools/io_loop.hpp"
#include "tools/spawn.hpp"

#include <array>
#include <functional>
#include <memory>
#include <string>

namespace remed::tools {

/// A pair of connected sockets, close-on-exec: [0] is ours, [1] the child's. `type` as in
/// socket(2).
result<std::array<unique_fd, 2>> socket_pair(int type);

class sandbox_control : public std::enable_shared_from_this<sandbox_control> {
public:
  /// Reads from `ours` on the loop until its peer is closed.
  sandbox_control(io_loop& loop, unique_fd ours, std::function<void(int fd)> on_listener);
  ~sandbox_control();
  void start();
  /// Reads what has arrived; after the child's end everything it sent is known.
  void drain();
  /// Forgets the callback and closes.
  void stop();
  /// What the set-up failed with, or empty.
  const std::string& error() const { return error_; }
  /// The limit that what ran inside was killed for ("memory: …"), or empty.
  const std::string& limit() const { return limit_; }

private:
  struct stream;
  bool receive();

  std::unique_ptr<stream> stream_;
  std::function<void(int fd)> on_listener_;
  std::string error_, limit_;
};

} // namespace remed::tools

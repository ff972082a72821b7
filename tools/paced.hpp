// A lasting connection whose two sides can wait for each other.
#pragma once

#include <functional>

namespace remed::tools {

/// What the sockets of a server are besides: found by dynamic_cast. Sockets within the process
/// queue nothing and are not.
class paced {
public:
  virtual ~paced() = default;
  /// Called whenever all that was queued has been sent: a writer that stopped goes on.
  virtual void on_drained(std::function<void()> callback) = 0;
  /// Takes no more messages until called with false: the peer has to wait.
  virtual void hold(bool on) = 0;
};

} // namespace remed::tools

// What a server's connections share; internal to the http_server*.cpp files.
#pragma once

#include "tools/http_server.hpp"
#include "tools/net.hpp"

#include <unordered_map>

namespace remed::tools {

/// One accepted connection, whatever it speaks. It is owned by its loop, never by the server.
class connection {
public:
  virtual ~connection() = default;
  /// Closes at once. `notify`: call on_close callbacks (else they are dropped).
  virtual void abort(bool notify) = 0;
  /// Closes or answers 408 when the peer has been too slow.
  virtual void check_deadline(steady::time_point now) = 0;
  /// Since when it waits for a next request; nothing while it is busy.
  virtual std::optional<steady::time_point> idle_since() const = 0;
};

class listener;

struct http_server::state : std::enable_shared_from_this<http_server::state> {
  state(io_loop& l, http_handler h, http_server_options o);

  /// Starts accepting; takes the descriptor over, also on failure.
  result<std::uint16_t> serve(tcp_acceptor acceptor);
  void accepted(tcp_socket socket);
  void shut(bool notify);
  void enter(const std::shared_ptr<connection>& c);
  void leave(connection* c) { connections.erase(c); }
  /// Makes room by closing the connection that has been idle for longest; false if all are busy.
  bool evict_idle();
  void sweep();

  io_loop& loop;
  net::io_context& context;
  http_handler handler;
  http_server_options options;
  std::unique_ptr<ssl::context> tls;
  std::optional<failure> broken; ///< the TLS identity could not be used
  std::vector<std::weak_ptr<listener>> listeners;
  std::unordered_map<connection*, std::weak_ptr<connection>> connections;
  std::shared_ptr<void> sweeping;
  bool closed = false;
};

/// Fills a server-side TLS context from the identity.
result<std::unique_ptr<ssl::context>> make_server_context(const tls_identity& identity);

} // namespace remed::tools

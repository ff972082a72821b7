// An HTTP/1.1 server on one io_loop: TLS or plain, keep-alive, chunked streams, WebSocket upgrade.
#pragma once

#include "runtime/result.hpp"
#include "tools/http.hpp"
#include "tools/io_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace remed::tools {

/// A server's key pair, and the certificate authority clients should trust (PEM). Made once per
/// process; safe to share between threads.
class tls_identity {
public:
  /// A fresh ECDSA P-256 authority and a certificate for 127.0.0.1, ::1, localhost and the names
  /// of the `kubernetes` service.
  static result<std::shared_ptr<const tls_identity>> generate();
  std::string ca_pem, certificate_pem, key_pem;
};

/// A secret of 256 bits from the machine's generator, in hexadecimal. Secrets are the one kind of
/// chance that must not follow from a seed.
std::string random_token();

struct http_server_options {
  std::shared_ptr<const tls_identity> tls;      ///< none: plain HTTP
  std::size_t max_header_bytes = 64 * 1024;     ///< more: 431
  std::size_t max_body_bytes = 3 * 1024 * 1024; ///< more: 413 (Kubernetes' limit)
  /// What a body larger than that is answered with; none: a line of text.
  std::function<http_response(std::size_t limit)> too_large;
  std::size_t max_connections = 4096;
  std::chrono::milliseconds idle_limit{90'000}; ///< a slow or silent peer is closed
};

/// Serves until destroyed; then closes all its connections at once and drops the callbacks of its
/// streams and WebSockets without calling them.
class http_server {
public:
  http_server(io_loop& loop, http_handler handler, http_server_options options = {});
  ~http_server();
  /// Listens on a loopback port; 0 picks a free one. Returns the port.
  result<std::uint16_t> listen(std::uint16_t port = 0);
  /// Takes over an already listening TCP socket, for example one passed out of a sandbox. The
  /// descriptor is owned by the server from now on, also when this fails.
  result<void> adopt_listener(int fd);
  /// Stops accepting and closes the adopted or own listeners; open connections are closed too,
  /// and the on_close callbacks of their streams and WebSockets are called.
  void close();

  struct state;

private:
  std::shared_ptr<state> state_;
};

} // namespace remed::tools

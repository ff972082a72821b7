// A connected TCP stream, plain or TLS, as one type: what is built on it is compiled once.
#pragma once

#include "tools/net.hpp"

#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <variant>

namespace remed::tools {

/// Models Asio's AsyncReadStream and AsyncWriteStream (completion handlers only).
class wire {
public:
  using executor_type = executor;
  using tls_stream = ssl::stream<tcp_socket>;

  explicit wire(tcp_socket socket) : stream_(std::in_place_type<tcp_socket>, std::move(socket)) {}
  wire(tcp_socket socket, ssl::context& context)
      : stream_(std::in_place_type<tls_stream>, std::move(socket), context) {}

  executor_type get_executor() noexcept { return socket().get_executor(); }
  tls_stream* tls() { return std::get_if<tls_stream>(&stream_); }
  tcp_socket& socket() {
    if (auto* secure = tls()) return secure->next_layer();
    return std::get<tcp_socket>(stream_);
  }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (auto* secure = tls())
      secure->async_read_some(buffers, std::forward<Handler>(handler));
    else
      std::get<tcp_socket>(stream_).async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (auto* secure = tls())
      secure->async_write_some(buffers, std::forward<Handler>(handler));
    else
      std::get<tcp_socket>(stream_).async_write_some(buffers, std::forward<Handler>(handler));
  }

  // Only because Beast wants whole streams to have them; nothing here blocks.
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    return socket().read_some(buffers, ec);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    return socket().write_some(buffers, ec);
  }

  void close() {
    error_code ignored;
    socket().close(ignored);
  }
  /// Pending operations end with operation_aborted; the stream stays usable.
  void cancel() {
    error_code ignored;
    socket().cancel(ignored);
  }

private:
  std::variant<tcp_socket, tls_stream> stream_;
};

/// Beast's customization points for a WebSocket over a `wire`.
inline void beast_close_socket(wire& stream) {
  stream.close();
}

inline void teardown(beast::role_type, wire& stream, error_code& ec) {
  ec = {};
  stream.close();
}

template <class Handler>
void async_teardown(beast::role_type role, wire& stream, Handler&& handler) {
  if (auto* secure = stream.tls())
    secure->async_shutdown(std::forward<Handler>(handler));
  else
    beast::websocket::async_teardown(role, stream.socket(), std::forward<Handler>(handler));
}

} // namespace remed::tools

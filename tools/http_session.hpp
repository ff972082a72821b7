// One HTTP connection of a server: requests are read, answered and followed by the next one.
#pragma once

#include "tools/http_server_state.hpp"
#include "tools/wire.hpp"

namespace remed::tools {

class http_session : public connection, public std::enable_shared_from_this<http_session> {
public:
  http_session(wire stream, http_server::state& server, std::string peer);
  ~http_session() override;

  void start();
  void abort(bool notify) override;
  void check_deadline(steady::time_point now) override;
  std::optional<steady::time_point> idle_since() const override;

  // For the stream and the deferred reply of request number `n`; a late call changes nothing.
  void stream_write(std::uint64_t n, std::string_view chunk);
  void stream_end(std::uint64_t n);
  std::size_t stream_pending(std::uint64_t n) const;
  bool stream_closed(std::uint64_t n) const;
  void stream_on_close(std::uint64_t n, std::function<void()> callback);
  void deferred_respond(std::uint64_t n, http_response response);

private:
  /// waiting: for the first byte of a request; answering: a stream or deferred reply is under way.
  enum class phase { handshake, waiting, reading, answering, writing, draining, closed };

  void set_phase(phase p, bool limited);
  void read_request();
  void on_header(error_code ec);
  void read_body();
  void send_continue();
  void read_failed(error_code ec);
  void dispatch();
  std::optional<http_request> take_request();
  http_reply call_handler(const http_request& request);

  void respond(http_response response);
  void respond_and_close(int status, std::string text);
  void respond_and_close(http_response response);
  void refuse_body();
  void start_stream(stream_reply reply);
  void start_deferred(deferred_reply reply);
  void start_websocket(websocket_reply reply);
  void start_upgrade(upgrade_reply reply);
  /// Gives the connection away; none when something came behind the upgrade request.
  std::optional<wire> leave_http();
  void written(error_code ec);
  void next_request();

  void watch_peer();
  void peer_spoke(error_code ec, std::size_t n);
  void flush_stream();
  void finish_stream();

  void drain();
  void discard();
  void close(bool notify);

  wire wire_;
  io_loop::native& loop_; ///< owns the session until it is closed
  std::weak_ptr<http_server::state> server_;
  std::size_t max_header_, max_body_;
  std::chrono::milliseconds idle_limit_;
  std::string peer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;

  phase phase_ = phase::handshake;
  steady::time_point since_{}, deadline_ = steady::time_point::max();
  std::uint64_t request_ = 0; ///< number of the request being answered
  bool keep_alive_ = true, head_only_ = false, http10_ = false, timed_out_ = false;
  std::string head_, body_; ///< being written

  // A read that is kept pending while an answer is under way, to notice a peer that goes.
  bool peer_read_ = false, resume_on_data_ = false;

  bool streaming_ = false, stream_ended_ = false, stream_writing_ = false;
  std::string stream_next_, stream_sending_;
  std::function<void()> on_close_;
};

/// The status line and header fields, with the fields HTTP itself needs. `length`: of the body;
/// nothing: chunked.
std::string response_head(int status, const http_headers& headers, bool http10, bool keep_alive,
                          std::optional<std::size_t> length);

/// The head of a "101 Switching Protocols" answer.
std::string upgrade_head(const http_headers& headers);

/// Turns an upgrade request into a WebSocket; the connection leaves HTTP for good.
void serve_websocket(wire stream, http::request<http::string_body> request, websocket_reply reply,
                     http_server::state& server);

/// Turns an upgraded connection into a stream of bytes; `head` is the answer to be sent first.
void serve_upgraded(wire stream, std::string head, upgrade_reply reply, http_server::state& server);

} // namespace remed::tools

#include "tools/http_session.hpp"

#include <array>

namespace remed::tools {

namespace {

/// How long a peer may take to read a last answer before the connection is cut.
constexpr std::chrono::seconds drain_limit{2};
constexpr steady::time_point never = steady::time_point::max();

bool has_forbidden(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool is_bodyless(int status) {
  return status < 200 || status == 204 || status == 304;
}

} // namespace

std::string response_head(int status, const http_headers& headers, bool http10, bool keep_alive,
                          std::optional<std::size_t> length) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + ' ';
  auto reason = http::obsolete_reason(static_cast<http::status>(status));
  out.append(reason.data(), reason.size());
  out += "\r\n";
  for (const auto& [name, value] : headers.all()) {
    // A line break in a value would let data forge fields; the server alone frames the body.
    if (has_forbidden(name) || has_forbidden(value)) continue;
    auto field = http::string_to_field(name);
    if (field == http::field::content_length || field == http::field::transfer_encoding ||
        field == http::field::connection)
      continue;
    out += name + ": " + value + "\r\n";
  }
  if (length && !is_bodyless(status)) out += "Content-Length: " + std::to_string(*length) + "\r\n";
  if (!length && !http10) out += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive)
    out += "Connection: close\r\n";
  else if (http10)
    out += "Connection: keep-alive\r\n";
  return out += "\r\n";
}

std::string upgrade_head(const http_headers& headers) {
  std::string out = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";
  for (const auto& [name, value] : headers.all()) {
    if (!has_forbidden(name) && !has_forbidden(value)) out += name + ": " + value + "\r\n";
  }
  return out += "\r\n";
}

http_session::http_session(wire stream, http_server::state& server, std::string peer)
    : wire_(std::move(stream)),
      loop_(server.loop.impl()),
      server_(server.weak_from_this()),
      max_header_(server.options.max_header_bytes),
      max_body_(server.options.max_body_bytes),
      idle_limit_(server.options.idle_limit),
      peer_(std::move(peer)) {}

http_session::~http_session() {
  if (auto server = server_.lock()) server->leave(this);
}

void http_session::start() {
  loop_.kept.emplace(this, shared_from_this());
  set_phase(phase::handshake, true);
  auto* secure = wire_.tls();
  if (!secure) return read_request();
  secure->async_handshake(ssl::stream_base::server, [self = shared_from_this()](error_code ec) {
    if (ec)
      self->close(false);
    else
      self->read_request();
  });
}

void http_session::set_phase(phase p, bool limited) {
  phase_ = p;
  since_ = steady::now();
  deadline_ = limited ? since_ + idle_limit_ : never;
}

std::optional<steady::time_point> http_session::idle_since() const {
  if (phase_ != phase::waiting) return std::nullopt;
  return since_;
}

void http_session::check_deadline(steady::time_point now) {
  if (phase_ == phase::waiting && buffer_.size() > 0) phase_ = phase::reading;
  if (now < deadline_) return;
  if (phase_ == phase::reading && !timed_out_) {
    timed_out_ = true; // the read ends with operation_aborted and 408 is written
    deadline_ = now + drain_limit;
    wire_.cancel();
  } else {
    close(true);
  }
}

void http_session::read_request() {
  if (phase_ == phase::closed) return;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(max_header_));
  parser_->body_limit(max_body_);
  set_phase(phase::waiting, true);
  http::async_read_header(
      wire_, buffer_, *parser_,
      [self = shared_from_this()](error_code ec, std::size_t) { self->on_header(ec); });
}

void http_session::on_header(error_code ec) {
  if (phase_ == phase::closed) return;
  if (ec) return read_failed(ec);
  phase_ = phase::reading;
  http10_ = parser_->get().version() < 11;
  if (parser_->is_done()) return dispatch();
  auto expect = parser_->get()[http::field::expect];
  if (expect.empty() || http10_) return read_body();
  if (!beast::iequals(expect, "100-continue"))
    return respond_and_close(417, "only 'Expect: 100-continue' is understood");
  send_continue();
}

void http_session::send_continue() {
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  net::async_write(wire_, net::buffer(head_),
                   [self = shared_from_this()](error_code ec, std::size_t) {
                     if (self->phase_ == phase::closed) return;
                     if (ec)
                       self->close(false);
                     else
                       self->read_body();
                   });
}

void http_session::read_body() {
  http::async_read(wire_, buffer_, *parser_,
                   [self = shared_from_this()](error_code ec, std::size_t) {
                     if (self->phase_ == phase::closed) return;
                     if (ec)
                       self->read_failed(ec);
                     else
                       self->dispatch();
                   });
}

void http_session::read_failed(error_code ec) {
  http10_ = false;
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return respond_and_close(
        431, "the request header is larger than " + std::to_string(max_header_) + " bytes");
  if (ec == http::error::body_limit) return refuse_body();
  if (timed_out_) return respond_and_close(408, "the request took too long to arrive");
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return close(false);
  if (ec.category() == make_error_code(http::error::bad_method).category())
    return respond_and_close(400, "not a valid HTTP/1.1 request: " + ec.message());
  close(false);
}

void http_session::respond(http_response response) {
  if (phase_ == phase::closed) return;
  auto length = response.body.size();
  head_ = response_head(response.status, response.headers, http10_, keep_alive_, length);
  body_ = head_only_ || is_bodyless(response.status) ? std::string{} : std::move(response.body);
  set_phase(phase::writing, true);
  auto done = [self = shared_from_this()](error_code ec, std::size_t) { self->written(ec); };
  // TLS would make a record of each buffer, so small bodies go with the header.
  if (body_.size() <= 16 * 1024 || wire_.tls()) {
    head_ += body_;
    body_.clear();
    return net::async_write(wire_, net::buffer(head_), std::move(done));
  }
  std::array<net::const_buffer, 2> both{net::buffer(head_), net::buffer(body_)};
  net::async_write(wire_, both, std::move(done));
}

void http_session::respond_and_close(int status, std::string text) {
  http_response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text) + '\n';
  respond_and_close(std::move(response));
}

void http_session::respond_and_close(http_response response) {
  keep_alive_ = false;
  respond(std::move(response));
}

void http_session::refuse_body() {
  auto server = server_.lock();
  if (server && server->options.too_large)
    return respond_and_close(server->options.too_large(max_body_));
  respond_and_close(413, "the request body is larger than " + std::to_string(max_body_) + " bytes");
}

void http_session::written(error_code ec) {
  if (phase_ == phase::closed) return;
  if (ec) return close(false);
  if (!keep_alive_) return drain();
  next_request();
}

void http_session::next_request() {
  // A read left over from watching the peer delivers the next request's first bytes.
  if (!peer_read_) return read_request();
  resume_on_data_ = true;
  set_phase(phase::waiting, true);
}

void http_session::drain() {
  // Closing with unread data would reset the connection and may destroy the answer under way.
  set_phase(phase::draining, true);
  deadline_ = std::min(deadline_, since_ + drain_limit);
  if (auto* secure = wire_.tls()) {
    secure->async_shutdown([self = shared_from_this()](error_code) { self->discard(); });
    return;
  }
  discard();
}

void http_session::discard() {
  if (phase_ == phase::closed) return;
  error_code ec;
  wire_.socket().shutdown(tcp_socket::shutdown_send, ec);
  if (ec) return close(false);
  if (peer_read_) return; // peer_spoke goes on
  buffer_.clear();
  wire_.socket().async_read_some(buffer_.prepare(4096),
                                 [self = shared_from_this()](error_code failed, std::size_t) {
                                   if (failed)
                                     self->close(false);
                                   else
                                     self->discard();
                                 });
}

void http_session::abort(bool notify) {
  close(notify);
}

void http_session::close(bool notify) {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  auto self = shared_from_this();
  loop_.kept.erase(this);
  wire_.close();
  if (auto server = server_.lock()) server->leave(this);
  auto callback = std::exchange(on_close_, {});
  if (notify && streaming_ && callback) callback();
}

} // namespace remed::tools

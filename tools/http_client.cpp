#include "tools/http_client.hpp"

#include "tools/http_pool.hpp"
#include "tools/net.hpp"
#include "tools/url.hpp"

#include <fcntl.h>

#include <array>
#include <limits>
#include <optional>

namespace remed::tools {

namespace {

using resolver = net::ip::basic_resolver<tcp, executor>;

bool breaks_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

/// One call; owned by its pending operations.
class client_call : public std::enable_shared_from_this<client_call> {
public:
  client_call(io_loop& loop, http_call call, std::function<void(result<http_response>)> done)
      : loop_(loop),
        call_(std::move(call)),
        done_(std::move(done)),
        resolver_(loop.impl().context.get_executor()),
        timer_(loop.impl().context.get_executor()) {}

  void start();
  /// The handle was dropped.
  void cancel();

private:
  void open();
  void open_fresh();
  void connect(const resolver::results_type& addresses);
  void handshake();
  void send();
  void read_header();
  void on_header();
  void read_body();
  void deliver();
  void complete();

  std::string request_head() const;
  bool retry_fresh();
  void fail(errc code, const std::string& what);
  void fail_io(const std::string& doing, error_code ec);
  void finish(result<http_response> outcome);
  void limit(std::chrono::milliseconds within);
  void watch_clock();

  io_loop& loop_;
  http_call call_;
  std::function<void(result<http_response>)> done_;
  url url_;
  std::string pool_key_;
  resolver resolver_;
  std::shared_ptr<tcp_socket> connecting_;
  std::optional<wire> wire_;
  bool reused_ = false, finished_ = false;
  std::string head_;
  beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  std::string body_;
  steady_timer timer_;
  steady::time_point deadline_{}, total_{};
  const char* doing_ = "connect";
};

void client_call::start() {
  total_ = steady::now() + call_.total_limit;
  auto parsed = url::parse(call_.url);
  failure bad{errc::bad_input, "a header name or value contains a line break"};
  bool broken = breaks_line(call_.method) || call_.method.find(' ') != std::string::npos;
  for (const auto& [name, value] : call_.headers.all())
    broken = broken || breaks_line(name) || breaks_line(value);
  if (!parsed) bad = parsed.why();
  if (!parsed || broken) {
    loop_.post([self = shared_from_this(), bad] { self->finish(bad); });
    return;
  }
  url_ = *parsed;
  pool_key_ = (url_.secure ? "https " : "http ") + url_.authority() + ' ' + call_.ca_pem;
  deadline_ = total_;
  watch_clock();
  open();
}

void client_call::open() {
  auto parked = loop_.impl().pool->take(pool_key_);
  if (!parked) return open_fresh();
  reused_ = true;
  wire_.emplace(std::move(*parked));
  send();
}

void client_call::open_fresh() {
  reused_ = false;
  limit(call_.connect_limit);
  error_code not_literal;
  auto literal = url_.host == "localhost" ? net::ip::address{net::ip::address_v4::loopback()}
                                          : net::ip::make_address(url_.host, not_literal);
  // Asio resolves names on a thread of its own; a literal address needs none.
  if (!not_literal)
    return connect(
        resolver::results_type::create(tcp::endpoint{literal, url_.port}, url_.host, ""));
  doing_ = "look up the host";
  resolver_.async_resolve(
      url_.host, std::to_string(url_.port),
      [self = shared_from_this()](error_code ec, const resolver::results_type& addresses) {
        if (self->finished_) return;
        if (ec)
          self->fail_io("look up the host", ec);
        else
          self->connect(addresses);
      });
}

void client_call::connect(const resolver::results_type& addresses) {
  doing_ = "connect";
  connecting_ = std::make_shared<tcp_socket>(loop_.impl().context.get_executor());
  net::async_connect(
      *connecting_, addresses,
      [self = shared_from_this(), socket = connecting_](error_code ec, const tcp::endpoint&) {
        if (self->finished_) return;
        if (ec) return self->fail_io("connect", ec);
        error_code ignored;
        ::fcntl(socket->native_handle(), F_SETFD, FD_CLOEXEC);
        socket->set_option(tcp::no_delay(true), ignored);
        self->handshake();
      });
}

void client_call::handshake() {
  auto socket = std::move(*connecting_);
  connecting_.reset();
  if (!url_.secure) {
    wire_.emplace(std::move(socket));
    return send();
  }
  doing_ = "complete the TLS handshake";
  auto context = loop_.impl().pool->client_context(call_.ca_pem);
  if (!context) return finish(context.why());
  wire_.emplace(std::move(socket), **context);
  auto& secure = *wire_->tls();
  error_code is_name;
  net::ip::make_address(url_.host, is_name);
  if (is_name) SSL_set_tlsext_host_name(secure.native_handle(), url_.host.c_str());
  error_code ec;
  secure.set_verify_callback(ssl::host_name_verification(url_.host), ec);
  if (ec) return fail_io("verify the host", ec);
  secure.async_handshake(ssl::stream_base::client, [self = shared_from_this()](error_code failed) {
    if (self->finished_) return;
    if (failed)
      self->fail_io("complete the TLS handshake", failed);
    else
      self->send();
  });
}

std::string client_call::request_head() const {
  std::string out = call_.method + ' ' + url_.target + " HTTP/1.1\r\n";
  auto field = [&](const char* name, const std::string& value) {
    if (!call_.headers.has(name)) out += std::string(name) + ": " + value + "\r\n";
  };
  field("Host", url_.authority());
  field("User-Agent", "remed");
  field("Accept", "*/*");
  field("Accept-Encoding", "identity");
  const bool may_have_body = call_.method != "GET" && call_.method != "HEAD";
  if (may_have_body || !call_.body->empty())
    field("Content-Length", std::to_string(call_.body->size()));
  for (const auto& [name, value] : call_.headers.all()) out += name + ": " + value + "\r\n";
  return out += "\r\n";
}

void client_call::send() {
  doing_ = "send the request";
  limit(call_.idle_limit);
  head_ = request_head();
  net::async_write(*wire_,
                   std::array<net::const_buffer, 2>{net::buffer(head_), net::buffer(*call_.body)},
                   [self = shared_from_this()](error_code ec, std::size_t) {
                     if (self->finished_) return;
                     // A server may answer early and stop reading: look for its answer anyway.
                     if (ec && self->retry_fresh()) return;
                     self->read_header();
                   });
}

void client_call::read_header() {
  doing_ = "wait for the answer";
  limit(call_.idle_limit);
  parser_.emplace();
  parser_->header_limit(256 * 1024);
  if (call_.on_data)
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
  else
    parser_->body_limit(call_.max_body_bytes);
  parser_->skip(call_.method == "HEAD");
  parser_->eager(true);
  http::async_read_header(*wire_, buffer_, *parser_,
                          [self = shared_from_this()](error_code ec, std::size_t) {
                            if (self->finished_) return;
                            if (!ec) return self->on_header();
                            if (!self->parser_->got_some() && self->retry_fresh()) return;
                            self->fail_io("read the answer", ec);
                          });
}

void client_call::on_header() {
  auto status = parser_->get().result_int();
  if (status >= 100 && status < 200 && status != 101) return read_header();
  doing_ = "wait for the rest of the answer";
  deliver();
  if (finished_) return;
  if (parser_->is_done())
    complete();
  else
    read_body();
}

void client_call::read_body() {
  limit(call_.idle_limit);
  http::async_read_some(*wire_, buffer_, *parser_,
                        [self = shared_from_this()](error_code ec, std::size_t) {
                          if (self->finished_) return;
                          self->deliver();
                          if (self->finished_) return;
                          if (ec) return self->fail_io("read the answer's body", ec);
                          if (self->parser_->is_done())
                            self->complete();
                          else
                            self->read_body();
                        });
}

void client_call::deliver() {
  auto& arrived = parser_->get().body();
  if (arrived.empty()) return;
  const auto status = parser_->get().result_int();
  if (call_.on_data && status >= 200 && status < 300) {
    auto on_data = call_.on_data; // a copy: it may drop the handle
    auto piece = std::exchange(arrived, {});
    on_data(piece);
    return;
  }
  body_ += arrived;
  arrived.clear();
  if (body_.size() > call_.max_body_bytes)
    fail(errc::failed,
         "the answer is larger than " + std::to_string(call_.max_body_bytes) + " bytes");
}

void client_call::complete() {
  http_response out;
  auto& message = parser_->get();
  out.status = static_cast<int>(message.result_int());
  for (const auto& field : message)
    out.headers.add({field.name_string().data(), field.name_string().size()},
                    {field.value().data(), field.value().size()});
  out.body = std::move(body_);
  if (parser_->keep_alive() && buffer_.size() == 0) {
    loop_.impl().pool->park(pool_key_, std::move(*wire_));
    wire_.reset();
  }
  finish(std::move(out));
}

bool client_call::retry_fresh() {
  // The peer closed a kept connection just as it was reused: it has not seen the request.
  if (!reused_) return false;
  wire_->close();
  wire_.reset();
  buffer_.clear();
  open_fresh();
  return true;
}

void client_call::fail(errc code, const std::string& what) {
  finish(
      failure{code, call_.method + ' ' + call_.url.substr(0, call_.url.find('?')) + ": " + what});
}

void client_call::fail_io(const std::string& doing, error_code ec) {
  if (ec == http::error::body_limit)
    return fail(errc::failed,
                "the answer is larger than " + std::to_string(call_.max_body_bytes) + " bytes");
  fail(errc::unreachable, "cannot " + doing + ": " + ec.message());
}

void client_call::limit(std::chrono::milliseconds within) {
  deadline_ = std::min(total_, steady::now() + within);
  // Only an earlier deadline needs a new wait; a later one is looked at when the old one passes.
  if (timer_.expiry() > deadline_) watch_clock();
}

void client_call::watch_clock() {
  timer_.expires_at(deadline_);
  timer_.async_wait([weak = weak_from_this()](error_code ec) {
    auto self = weak.lock();
    if (ec || !self || self->finished_) return;
    auto now = steady::now();
    if (now < self->deadline_) return self->watch_clock();
    const bool total = now >= self->total_;
    self->fail(errc::timed_out, std::string("no answer in time: could not ") + self->doing_ +
                                    (total ? " within the total limit" : " within the limit"));
  });
}

void client_call::finish(result<http_response> outcome) {
  if (finished_) return;
  auto self = shared_from_this();
  auto done = std::move(done_);
  cancel();
  if (done) done(std::move(outcome));
}

void client_call::cancel() {
  finished_ = true;
  done_ = {};
  resolver_.cancel();
  timer_.cancel();
  error_code ignored;
  if (connecting_) connecting_->close(ignored);
  if (wire_) wire_->close();
}

/// What the caller holds; weak, so that it may outlive the loop.
class call_handle {
public:
  explicit call_handle(const std::shared_ptr<client_call>& call) : call_(call) {}
  ~call_handle() {
    if (auto alive = call_.lock()) alive->cancel();
  }
  call_handle(const call_handle&) = delete;
  call_handle& operator=(const call_handle&) = delete;

private:
  std::weak_ptr<client_call> call_;
};

} // namespace

http_call_handle http_send(io_loop& loop, http_call call,
                           std::function<void(result<http_response>)> done) {
  auto made = std::make_shared<client_call>(loop, std::move(call), std::move(done));
  made->start();
  return std::make_shared<call_handle>(made);
}

} // namespace remed::tools

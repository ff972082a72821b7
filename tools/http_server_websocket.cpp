// The server's side of a WebSocket.
#include "tools/http_session.hpp"
#include "tools/http_session_handle.hpp"

#include <deque>

namespace remed::tools {

namespace {

namespace ws = beast::websocket;

class websocket_session : public connection,
                          public std::enable_shared_from_this<websocket_session> {
public:
  websocket_session(wire stream, http::request<http::string_body> request, websocket_reply reply,
                    http_server::state& server)
      : ws_(std::move(stream)),
        server_(server.weak_from_this()),
        request_(std::move(request)),
        reply_(std::move(reply)),
        write_limit_(server.options.idle_limit) {
    limit_silence(write_limit_);
    ws_.read_message_max(std::max<std::size_t>(server.options.max_body_bytes, 16u << 20));
    ws_.set_option(ws::stream_base::decorator([this](ws::response_type& response) {
      if (!reply_.subprotocol.empty())
        response.set(http::field::sec_websocket_protocol, reply_.subprotocol);
    }));
  }
  ~websocket_session() override {
    if (auto server = server_.lock()) server->leave(this);
  }

  void start();
  void abort(bool notify) override { finish(notify); }
  void check_deadline(steady::time_point now) override {
    if (now >= write_deadline_) finish(true);
  }
  std::optional<steady::time_point> idle_since() const override { return std::nullopt; }

  void send(std::string message, bool binary);
  void close(int code);
  bool closed() const { return closing_ || finished_; }
  std::size_t pending() const { return pending_; }
  void on_message(std::function<void(std::string, bool)> callback) {
    on_message_ = std::make_shared<std::function<void(std::string, bool)>>(std::move(callback));
  }
  void on_close(std::function<void()> callback) { on_close_ = std::move(callback); }
  void on_drained(std::function<void()> callback) {
    on_drained_ = std::make_shared<std::function<void()>>(std::move(callback));
  }
  void hold(bool on);

private:
  struct outgoing {
    std::string text;
    bool binary;
  };

  void limit_silence(steady::duration limit);
  void read();
  void write_next();
  void finish(bool notify);

  ws::stream<wire, false> ws_;
  std::weak_ptr<http_server::state> server_;
  http::request<http::string_body> request_;
  websocket_reply reply_;
  std::chrono::milliseconds write_limit_;
  steady::time_point write_deadline_ = steady::time_point::max();
  beast::flat_buffer buffer_;
  std::deque<outgoing> queue_;
  std::size_t pending_ = 0;
  bool writing_ = false, reading_ = false, held_ = false, closing_ = false, finished_ = false;
  int close_code_ = 1000;
  std::shared_ptr<std::function<void(std::string, bool)>> on_message_;
  std::shared_ptr<std::function<void()>> on_drained_;
  std::function<void()> on_close_;
  std::shared_ptr<websocket_session> while_held_; ///< itself: then no read keeps it
};

void websocket_session::limit_silence(steady::duration limit) {
  ws::stream_base::timeout limits;
  limits.handshake_timeout = std::min<steady::duration>(write_limit_, std::chrono::seconds{30});
  limits.idle_timeout = limit;
  limits.keep_alive_pings = true; // a silent peer is fine as long as it answers pings
  ws_.set_option(limits);
}

void websocket_session::start() {
  ws_.async_accept(request_, [self = shared_from_this()](error_code ec) {
    if (self->finished_) return;
    if (ec) return self->finish(false);
    self->request_ = {};
    auto start = std::move(self->reply_.start);
    if (start) start(std::make_shared<session_handle<websocket_session>>(self));
    if (!self->finished_) self->read();
  });
}

void websocket_session::hold(bool on) {
  if (finished_ || held_ == on) return;
  held_ = on;
  const auto self = std::exchange(while_held_, on ? shared_from_this() : nullptr);
  // Nobody reads what a held peer answers to pings.
  limit_silence(on ? ws::stream_base::none() : write_limit_);
  if (!on && !reading_) read();
}

void websocket_session::read() {
  if (held_) return;
  reading_ = true;
  ws_.async_read(buffer_, [self = shared_from_this()](error_code ec, std::size_t) {
    self->reading_ = false;
    if (self->finished_) return;
    if (ec) return self->finish(true);
    auto message = beast::buffers_to_string(self->buffer_.data());
    self->buffer_.consume(self->buffer_.size());
    auto callback = self->on_message_;
    if (callback && *callback) (*callback)(std::move(message), self->ws_.got_binary());
    if (!self->finished_ && !self->reading_) self->read();
  });
}

void websocket_session::send(std::string message, bool binary) {
  if (closed()) return;
  pending_ += message.size();
  queue_.push_back({std::move(message), binary});
  write_next();
}

void websocket_session::close(int code) {
  if (closed()) return;
  closing_ = true;
  close_code_ = code;
  write_next();
}

void websocket_session::write_next() {
  if (writing_ || finished_) return;
  if (queue_.empty() && !closing_) return;
  writing_ = true;
  write_deadline_ = steady::now() + write_limit_;
  if (queue_.empty()) {
    auto code = static_cast<ws::close_code>(close_code_);
    ws_.async_close(code, [self = shared_from_this()](error_code) { self->finish(true); });
    return;
  }
  ws_.binary(queue_.front().binary);
  ws_.async_write(net::buffer(queue_.front().text),
                  [self = shared_from_this()](error_code ec, std::size_t) {
                    if (self->finished_) return;
                    self->writing_ = false;
                    self->write_deadline_ = steady::time_point::max();
                    self->pending_ -= self->queue_.front().text.size();
                    self->queue_.pop_front();
                    if (ec) return self->finish(true);
                    self->write_next();
                    auto drained = self->on_drained_;
                    if (self->queue_.empty() && !self->closed() && drained) (*drained)();
                  });
}

void websocket_session::finish(bool notify) {
  if (finished_) return;
  finished_ = true;
  auto self = shared_from_this();
  while_held_.reset();
  ws_.next_layer().close();
  if (auto server = server_.lock()) server->leave(this);
  auto callback = std::exchange(on_close_, {});
  on_message_.reset();
  on_drained_.reset();
  if (notify && callback) callback();
}

} // namespace

void serve_websocket(wire stream, http::request<http::string_body> request, websocket_reply reply,
                     http_server::state& server) {
  auto session = std::make_shared<websocket_session>(std::move(stream), std::move(request),
                                                     std::move(reply), server);
  server.enter(session);
  session->start();
}

} // namespace remed::tools

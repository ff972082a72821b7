// A connection that left HTTP for a protocol of its own: bytes both ways.
#include "tools/http_session.hpp"
#include "tools/http_session_handle.hpp"

#include <array>

namespace remed::tools {

namespace {

/// How long a peer may take to read the last bytes and hang up.
constexpr std::chrono::seconds drain_limit{2};

class upgraded_session : public connection, public std::enable_shared_from_this<upgraded_session> {
public:
  upgraded_session(wire stream, std::string head, upgrade_reply reply, http_server::state& server)
      : wire_(std::move(stream)),
        loop_(server.loop.impl()),
        server_(server.weak_from_this()),
        reply_(std::move(reply)),
        limit_(server.options.idle_limit),
        next_(std::move(head)) {}
  ~upgraded_session() override {
    if (auto server = server_.lock()) server->leave(this);
  }

  void start();
  void abort(bool notify) override { finish(notify); }
  void check_deadline(steady::time_point now) override {
    if (now >= deadline_) finish(true);
  }
  std::optional<steady::time_point> idle_since() const override { return std::nullopt; }

  void send(const std::string& bytes, bool /*binary*/) {
    if (closed()) return;
    next_ += bytes;
    write_next();
  }
  void close(int /*code*/) {
    if (closed()) return;
    closing_ = true;
    write_next();
  }
  bool closed() const { return closing_ || finished_; }
  std::size_t pending() const { return next_.size() + sending_.size(); }
  void on_message(std::function<void(std::string, bool)> callback) {
    on_message_ = std::make_shared<std::function<void(std::string, bool)>>(std::move(callback));
  }
  void on_close(std::function<void()> callback) { on_close_ = std::move(callback); }
  void on_drained(std::function<void()> callback) {
    on_drained_ = std::make_shared<std::function<void()>>(std::move(callback));
  }
  void hold(bool on) {
    held_ = on;
    if (!held_ && !reading_ && !finished_) read();
  }

private:
  void read();
  void write_next();
  void hang_up();
  void finish(bool notify);

  wire wire_;
  io_loop::native& loop_; ///< owns the session until it is finished
  std::weak_ptr<http_server::state> server_;
  upgrade_reply reply_;
  std::chrono::milliseconds limit_;
  steady::time_point deadline_ = steady::time_point::max();
  std::array<char, 16 * 1024> buffer_;
  std::string next_, sending_;
  bool writing_ = false, reading_ = false, held_ = false;
  bool closing_ = false, hung_up_ = false, finished_ = false;
  std::shared_ptr<std::function<void(std::string, bool)>> on_message_;
  std::shared_ptr<std::function<void()>> on_drained_;
  std::function<void()> on_close_;
};

void upgraded_session::start() {
  loop_.kept.emplace(this, shared_from_this());
  write_next();
  auto start = std::move(reply_.start);
  if (start) start(std::make_shared<session_handle<upgraded_session>>(weak_from_this()));
  if (!finished_) read();
}

void upgraded_session::read() {
  if (held_) return;
  reading_ = true;
  wire_.async_read_some(net::buffer(buffer_),
                        [self = shared_from_this()](error_code ec, std::size_t n) {
                          self->reading_ = false;
                          if (self->finished_) return;
                          if (ec) return self->finish(true);
                          auto callback = self->on_message_;
                          if (callback && !self->closing_)
                            (*callback)(std::string(self->buffer_.data(), n), true);
                          if (!self->finished_ && !self->reading_) self->read();
                        });
}

void upgraded_session::write_next() {
  if (writing_ || finished_) return;
  if (next_.empty()) {
    deadline_ = steady::time_point::max(); // a quiet connection is not a slow peer
    if (closing_) hang_up();
    return;
  }
  writing_ = true;
  sending_.swap(next_);
  deadline_ = steady::now() + limit_;
  net::async_write(wire_, net::buffer(sending_),
                   [self = shared_from_this()](error_code ec, std::size_t) {
                     self->writing_ = false;
                     self->sending_.clear();
                     if (self->finished_) return;
                     if (ec) return self->finish(true);
                     self->write_next();
                     auto drained = self->on_drained_;
                     if (!self->writing_ && !self->closed() && drained) (*drained)();
                   });
}

/// Closing with unread data would reset the connection and may destroy what is on its way, so the
/// peer is given a moment to read it and to hang up itself.
void upgraded_session::hang_up() {
  if (hung_up_) return;
  hung_up_ = true;
  deadline_ = steady::now() + drain_limit;
  error_code ignored;
  wire_.socket().shutdown(tcp_socket::shutdown_send, ignored);
}

void upgraded_session::finish(bool notify) {
  if (finished_) return;
  finished_ = true;
  auto self = shared_from_this();
  loop_.kept.erase(this);
  wire_.close();
  if (auto server = server_.lock()) server->leave(this);
  auto callback = std::exchange(on_close_, {});
  on_message_.reset();
  on_drained_.reset();
  if (notify && callback) callback();
}

} // namespace

void serve_upgraded(wire stream, std::string head, upgrade_reply reply,
                    http_server::state& server) {
  auto session = std::make_shared<upgraded_session>(std::move(stream), std::move(head),
                                                    std::move(reply), server);
  server.enter(session);
  session->start();
}

} // namespace remed::tools

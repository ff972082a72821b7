// Streamed answers of an http_session, and how it notices that the peer has gone meanwhile.
#include "tools/http_session.hpp"

#include <cstdio>

namespace remed::tools {

namespace {

/// What the handler holds; it may outlive the connection.
class session_stream : public http_stream {
public:
  session_stream(std::weak_ptr<http_session> session, std::uint64_t request)
      : session_(std::move(session)), request_(request) {}
  /// A stream that nobody can write to any more is at its end.
  ~session_stream() override {
    if (auto session = session_.lock()) session->stream_end(request_);
  }
  session_stream(const session_stream&) = delete;
  session_stream& operator=(const session_stream&) = delete;

  void write(std::string chunk) override {
    if (auto session = session_.lock()) session->stream_write(request_, chunk);
  }
  void end() override {
    if (auto session = session_.lock()) session->stream_end(request_);
  }
  std::size_t pending() const override {
    auto session = session_.lock();
    return session ? session->stream_pending(request_) : 0;
  }
  bool closed() const override {
    auto session = session_.lock();
    return !session || session->stream_closed(request_);
  }
  void on_close(std::function<void()> callback) override {
    if (auto session = session_.lock()) session->stream_on_close(request_, std::move(callback));
  }

private:
  std::weak_ptr<http_session> session_;
  std::uint64_t request_;
};

} // namespace

void http_session::start_stream(stream_reply reply) {
  if (http10_) keep_alive_ = false; // only the end of the connection can end the body
  head_ = response_head(reply.status, reply.headers, http10_, keep_alive_, std::nullopt);
  streaming_ = true;
  stream_ended_ = head_only_;
  stream_next_.clear();
  stream_sending_ = std::move(head_);
  stream_writing_ = true;
  deadline_ = steady::now() + idle_limit_;
  watch_peer();
  auto self = shared_from_this();
  net::async_write(wire_, net::buffer(stream_sending_),
                   [self, start = std::move(reply.start)](error_code ec, std::size_t) {
                     self->stream_writing_ = false;
                     self->stream_sending_.clear();
                     if (self->phase_ == phase::closed) return;
                     if (ec) return self->close(true);
                     auto stream = std::make_shared<session_stream>(self, self->request_);
                     if (!self->stream_ended_ && start) start(std::move(stream));
                     self->flush_stream();
                   });
}

void http_session::stream_write(std::uint64_t n, std::string_view chunk) {
  if (stream_closed(n) || chunk.empty()) return;
  if (http10_) {
    stream_next_ += chunk;
  } else {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    stream_next_.append(size).append(chunk).append("\r\n");
  }
  flush_stream();
}

void http_session::stream_end(std::uint64_t n) {
  if (stream_closed(n)) return;
  if (!http10_) stream_next_ += "0\r\n\r\n";
  stream_ended_ = true;
  flush_stream();
}

std::size_t http_session::stream_pending(std::uint64_t n) const {
  return n == request_ && streaming_ ? stream_next_.size() + stream_sending_.size() : 0;
}

bool http_session::stream_closed(std::uint64_t n) const {
  return n != request_ || !streaming_ || stream_ended_ || phase_ == phase::closed;
}

void http_session::stream_on_close(std::uint64_t n, std::function<void()> callback) {
  if (!stream_closed(n)) on_close_ = std::move(callback);
}

void http_session::flush_stream() {
  if (stream_writing_ || phase_ == phase::closed) return;
  if (stream_next_.empty()) {
    deadline_ = steady::time_point::max(); // a quiet stream is not a slow peer
    if (stream_ended_) finish_stream();
    return;
  }
  stream_writing_ = true;
  stream_sending_.swap(stream_next_);
  deadline_ = steady::now() + idle_limit_;
  net::async_write(wire_, net::buffer(stream_sending_),
                   [self = shared_from_this()](error_code ec, std::size_t) {
                     self->stream_writing_ = false;
                     self->stream_sending_.clear();
                     if (self->phase_ == phase::closed) return;
                     if (ec)
                       self->close(true);
                     else
                       self->flush_stream();
                   });
}

void http_session::finish_stream() {
  streaming_ = false;
  auto callback = std::exchange(on_close_, {});
  auto self = shared_from_this();
  if (callback) callback();
  if (phase_ == phase::closed) return;
  written({});
}

void http_session::watch_peer() {
  if (peer_read_ || phase_ == phase::closed) return;
  // A peer that pipelines is read no further; that it has gone is then seen by writing.
  if (buffer_.size() > 0) return;
  peer_read_ = true;
  auto on_read = [self = shared_from_this()](error_code ec, std::size_t n) {
    self->peer_spoke(ec, n);
  };
  wire_.async_read_some(buffer_.prepare(4096), std::move(on_read));
}

void http_session::peer_spoke(error_code ec, std::size_t n) {
  peer_read_ = false;
  if (phase_ == phase::closed) return;
  buffer_.commit(n);
  if (phase_ == phase::draining) {
    if (ec)
      close(false);
    else
      discard();
    return;
  }
  if (resume_on_data_) {
    resume_on_data_ = false;
    if (ec)
      close(false);
    else
      read_request();
    return;
  }
  if (!ec) return watch_peer();
  keep_alive_ = false;
  // Who has only shut down its sending side may still wait for a single answer, but nobody
  // follows an endless stream that way.
  if (streaming_ || ec != net::error::eof) close(true);
}

} // namespace remed::tools

#include "tools/http_server.hpp"

#include "tools/http_server_state.hpp"
#include "tools/http_session.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace remed::tools {

/// One listening socket; owned by its pending accept, so that it never outlives the loop.
class listener : public std::enable_shared_from_this<listener> {
public:
  listener(tcp_acceptor acceptor, std::weak_ptr<http_server::state> server, io_loop& loop)
      : acceptor_(std::move(acceptor)), server_(std::move(server)), loop_(loop) {}

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code ec, tcp_socket socket) {
      auto server = self->server_.lock();
      if (!server || server->closed || ec == net::error::operation_aborted) return;
      if (!ec) server->accepted(std::move(socket));
      if (!ec) return self->accept();
      // Out of descriptors, or the peer has gone already: go on a little later. The wait owns the
      // listener, and the listener owns the wait, until it fires or close() breaks the ring.
      self->retry_ = self->loop_.after(std::chrono::milliseconds{50}, [self] {
        self->retry_.reset();
        if (self->acceptor_.is_open()) self->accept();
      });
    });
  }
  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.reset();
  }

private:
  tcp_acceptor acceptor_;
  std::weak_ptr<http_server::state> server_;
  io_loop& loop_;
  std::shared_ptr<void> retry_;
};

http_server::state::state(io_loop& l, http_handler h, http_server_options o)
    : loop(l), context(l.impl().context), handler(std::move(h)), options(std::move(o)) {
  if (!options.tls) return;
  auto made = make_server_context(*options.tls);
  if (made)
    tls = std::move(*made);
  else
    broken = made.why();
}

result<std::uint16_t> http_server::state::serve(tcp_acceptor acceptor) {
  if (broken) return *broken;
  error_code ec;
  auto port = acceptor.local_endpoint(ec).port();
  if (!ec) acceptor.non_blocking(true, ec);
  if (ec) return failure{errc::failed, "cannot serve: " + ec.message()};
  ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  auto made = std::make_shared<listener>(std::move(acceptor), weak_from_this(), loop);
  listeners.push_back(made);
  made->accept();
  return port;
}

void http_server::state::accepted(tcp_socket socket) {
  // Not accepting would let those who came first lock everybody else out.
  if (connections.size() >= options.max_connections && !evict_idle()) return;
  error_code ec;
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  socket.set_option(tcp::no_delay(true), ec);
  socket.set_option(net::socket_base::keep_alive(true), ec);
  auto peer = socket.remote_endpoint(ec);
  auto name = ec ? std::string{} : peer.address().to_string() + ':' + std::to_string(peer.port());
  auto stream = tls ? wire(std::move(socket), *tls) : wire(std::move(socket));
  auto session = std::make_shared<http_session>(std::move(stream), *this, std::move(name));
  enter(session);
  session->start();
}

void http_server::state::enter(const std::shared_ptr<connection>& c) {
  connections.emplace(c.get(), c);
  if (!sweeping) sweep();
}

bool http_server::state::evict_idle() {
  std::shared_ptr<connection> oldest;
  std::optional<steady::time_point> since;
  for (const auto& [key, weak] : connections) {
    auto c = weak.lock();
    auto idle = c ? c->idle_since() : std::nullopt;
    if (!idle || (since && *since <= *idle)) continue;
    since = idle;
    oldest = c;
  }
  if (!oldest) return false;
  oldest->abort(true);
  return true;
}

void http_server::state::sweep() {
  sweeping.reset();
  auto now = steady::now();
  std::vector<std::shared_ptr<connection>> all;
  for (const auto& [key, weak] : connections)
    if (auto c = weak.lock()) all.push_back(std::move(c));
  for (const auto& c : all) c->check_deadline(now);
  if (connections.empty() || closed) return;
  auto every = std::clamp<std::chrono::milliseconds>(
      options.idle_limit / 8, std::chrono::milliseconds{20}, std::chrono::milliseconds{1'000});
  sweeping = loop.after(every, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->sweep();
  });
}

void http_server::state::shut(bool notify) {
  closed = true;
  sweeping.reset();
  for (const auto& weak : listeners)
    if (auto l = weak.lock()) l->close();
  listeners.clear();
  for (const auto& [key, weak] : std::exchange(connections, {}))
    if (auto c = weak.lock()) c->abort(notify);
}

http_server::http_server(io_loop& loop, http_handler handler, http_server_options options)
    : state_(std::make_shared<state>(loop, std::move(handler), std::move(options))) {}

http_server::~http_server() {
  state_->shut(false);
}

void http_server::close() {
  state_->shut(true);
}

result<std::uint16_t> http_server::listen(std::uint16_t port) {
  error_code ec;
  tcp_acceptor acceptor(state_->context.get_executor());
  tcp::endpoint here(net::ip::address_v4::loopback(), port);
  acceptor.open(here.protocol(), ec);
  if (!ec) acceptor.set_option(net::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(here, ec);
  if (!ec) acceptor.listen(net::socket_base::max_listen_connections, ec);
  if (ec)
    return failure{errc::failed, "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " +
                                     ec.message() + "; choose another port"};
  state_->closed = false;
  return state_->serve(std::move(acceptor));
}

result<void> http_server::adopt_listener(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  int listening = 0;
  socklen_t flag_size = sizeof listening;
  const bool usable = ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_size) == 0;
  const bool tcp_family = address.ss_family == AF_INET || address.ss_family == AF_INET6;
  if (!usable || !tcp_family || listening == 0) {
    ::close(fd);
    return failure{errc::bad_input, "the adopted descriptor is not a listening TCP socket"};
  }
  error_code ec;
  tcp_acceptor acceptor(state_->context.get_executor());
  acceptor.assign(address.ss_family == AF_INET ? tcp::v4() : tcp::v6(), fd, ec);
  if (ec) {
    ::close(fd);
    return failure{errc::failed, "cannot adopt the listener: " + ec.message()};
  }
  state_->closed = false;
  auto served = state_->serve(std::move(acceptor));
  if (!served) return served.why();
  return {};
}

} // namespace remed::tools

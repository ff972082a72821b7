#include "tools/http_pool.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace remed::tools {

namespace {

constexpr std::chrono::seconds park_limit{30};
/// Thousands of experiments ask one model; each new connection would cost a handshake, and one
/// closed by us keeps its port for a minute.
constexpr std::size_t parked_per_peer = 16'384;

/// An idle connection has nothing to say; what does has been closed by the peer.
bool is_quiet(wire& connection) {
  char byte = 0;
  auto n = ::recv(connection.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

} // namespace

result<std::shared_ptr<ssl::context>> http_pool::client_context(const std::string& ca_pem) {
  auto& known = contexts_[ca_pem];
  if (known) return known;
  error_code ec;
  auto made = std::make_shared<ssl::context>(ssl::context::tls_client);
  ::SSL_CTX_set_min_proto_version(made->native_handle(), TLS1_2_VERSION);
  made->set_default_verify_paths(ec);
  if (!ca_pem.empty()) made->add_certificate_authority(net::buffer(ca_pem), ec);
  if (ec)
    return failure{errc::bad_input, "the given authority (ca_pem) cannot be read: " + ec.message()};
  made->set_verify_mode(ssl::verify_peer);
  known = made;
  return made;
}

std::optional<wire> http_pool::take(const std::string& key) {
  auto found = idle_.find(key);
  if (found == idle_.end()) return std::nullopt;
  auto& all = found->second;
  auto now = steady::now();
  while (!all.empty()) {
    auto last = std::move(all.back());
    all.pop_back();
    if (now - last.since < park_limit && is_quiet(last.connection))
      return std::move(last.connection);
  }
  idle_.erase(found);
  return std::nullopt;
}

void http_pool::park(const std::string& key, wire connection) {
  const auto now = steady::now();
  for (auto at = idle_.begin(); at != idle_.end();) {
    auto& all = at->second; // the oldest are in front
    while (!all.empty() && now - all.front().since >= park_limit) all.pop_front();
    at = all.empty() ? idle_.erase(at) : std::next(at);
  }
  auto& all = idle_[key];
  if (all.size() < parked_per_peer) all.push_back({std::move(connection), now});
}

} // namespace remed::tools

// pods/portforward: SPDY streams, plain or tunnelled through a WebSocket, and python's channels.
#include "environments/embedded/api/exec_streams.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/app/connection.hpp"
#include "tools/spdy.hpp"

#include <charconv>
#include <map>

namespace remed::env {

namespace {

constexpr const char* tunnel_protocol = "SPDY/3.1+portforward.k8s.io";
constexpr const char* spdy_protocol = "portforward.k8s.io";
constexpr const char* channel_protocol = "v4.channel.k8s.io";
constexpr const char* channel_protocol_base64 = "v4.base64.channel.k8s.io";
constexpr std::size_t most_ports = 64;

/// Which pod's ports, and where its answers wait.
struct forward_target {
  cluster& c;
  tools::io_loop* loop;
  std::weak_ptr<const bool> alive;
  std::string ns, pod;
};

int port_of(std::string_view text) {
  int port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port > 0 && port < 65536 ? port
                                                                                              : 0;
}

std::string error_text(const forward_target& to, int port, const std::string& why) {
  return "error forwarding port " + std::to_string(port) + " to pod " + to.pod + ", uid : " + why;
}

/// Each forwarded connection is a pair of streams, error and data, with one request id.
class spdy_forwarder : public std::enable_shared_from_this<spdy_forwarder> {
public:
  spdy_forwarder(forward_target target, const std::shared_ptr<tools::websocket>& socket)
      : target_(std::move(target)), socket_(socket) {}

  void start(const std::shared_ptr<tools::websocket>& socket) {
    tools::spdy_connection::listener to;
    to.opened = [this](auto id, const auto& headers) { opened(id, headers); };
    to.data = [this](auto id, std::string_view data) { received(id, data); };
    to.ended = [this](auto id, bool reset) { ended(id, reset); };
    auto out = [weak = socket_](std::string bytes) {
      if (auto alive = weak.lock()) alive->send(std::move(bytes));
    };
    connection_ = std::make_unique<tools::spdy_connection>(std::move(out), std::move(to));
    socket->on_message([self = shared_from_this()](const std::string& bytes, bool) {
      if (!self->target_.alive.expired() && self->connection_->receive(bytes)) return;
      if (auto alive = self->socket_.lock()) alive->close();
    });
    // The server keeps no handle of its own: the socket lives until it is closed because this does.
    socket->on_close([socket] {});
  }

private:
  struct pair {
    std::uint32_t error = 0, data = 0;
    int port = 0;
    std::shared_ptr<app_connection> app;
    std::vector<std::string> early;
  };

  void opened(std::uint32_t id, const tools::http_headers& headers) {
    auto request = std::string(headers.get("requestID"));
    auto type = headers.get("streamType");
    auto port = port_of(headers.get("port"));
    if ((type != "data" && type != "error") || port == 0) return connection_->reset(id);
    auto& p = pairs_[request];
    p.port = port;
    (type == "data" ? p.data : p.error) = id;
    if (type == "data") by_data_[id] = request;
    if (p.data != 0 && p.error != 0) connect(request);
  }

  void connect(const std::string& request) {
    auto& p = pairs_[request];
    std::weak_ptr<spdy_forwarder> weak = weak_from_this();
    app_connection::listener to;
    to.out = [weak, id = p.data](const std::string& bytes) {
      if (auto self = weak.lock()) self->connection_->send(id, bytes);
    };
    to.closed = [weak, request] {
      if (auto self = weak.lock()) self->close(request);
    };
    auto app = app_connection::open(target_.c, target_.loop, target_.ns, target_.pod, p.port,
                                    std::move(to));
    if (!app) {
      connection_->send(p.error, error_text(target_, p.port, app.why().what));
      return close(request);
    }
    p.app = *app;
    auto held = p.app; // an answer at once may close the pair
    for (const auto& bytes : std::exchange(p.early, {})) held->receive(bytes);
  }

  pair* of_data(std::uint32_t id) {
    auto request = by_data_.find(id);
    if (request == by_data_.end()) return nullptr;
    auto at = pairs_.find(request->second);
    return at == pairs_.end() ? nullptr : &at->second;
  }
  void received(std::uint32_t id, std::string_view data) {
    auto* p = of_data(id);
    if (!p) return;
    if (!p->app) return p->early.emplace_back(data), void();
    auto held = p->app;
    held->receive(data);
  }
  void ended(std::uint32_t id, bool reset) {
    auto* p = of_data(id);
    if (!p) return;
    auto held = p->app;
    if (held) held->end_input();
    if (reset) close(by_data_[id]);
  }
  void close(const std::string& request) {
    auto at = pairs_.find(request);
    if (at == pairs_.end()) return;
    auto p = std::move(at->second);
    pairs_.erase(at);
    by_data_.erase(p.data);
    connection_->finish(p.data);
    connection_->finish(p.error);
  }

  forward_target target_;
  std::weak_ptr<tools::websocket> socket_;
  std::unique_ptr<tools::spdy_connection> connection_;
  std::map<std::string, pair> pairs_;
  std::map<std::uint32_t, std::string> by_data_;
};

/// python's way: the ports stand in the query; port i has channels 2i (data) and 2i+1 (error), and
/// the first message on each is the port's number, lowest byte first.
class channel_forwarder : public std::enable_shared_from_this<channel_forwarder> {
public:
  channel_forwarder(forward_target target, std::vector<int> ports, bool base64,
                    const std::shared_ptr<tools::websocket>& socket)
      : target_(std::move(target)), ports_(std::move(ports)), base64_(base64), socket_(socket) {}

  void start(const std::shared_ptr<tools::websocket>& socket) {
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      std::string number{static_cast<char>(ports_[i] & 0xff), static_cast<char>(ports_[i] >> 8)};
      send(2 * i, number);
      send(2 * i + 1, number);
    }
    apps_.resize(ports_.size());
    socket->on_message([self = shared_from_this()](const std::string& frame, bool) {
      if (!self->target_.alive.expired()) self->receive(frame);
    });
    socket->on_close([socket] {});
  }

private:
  void send(std::size_t channel, std::string_view data) {
    auto socket = socket_.lock();
    if (!socket || socket->closed()) return;
    if (base64_)
      socket->send(static_cast<char>('0' + channel) + base64_encode(data), false);
    else
      socket->send(static_cast<char>(channel) + std::string(data), true);
  }
  void receive(const std::string& frame) {
    if (frame.empty()) return;
    auto channel =
        static_cast<std::size_t>(static_cast<unsigned char>(frame[0]) - (base64_ ? '0' : 0));
    auto at = channel / 2;
    if (channel % 2 == 1 || at >= apps_.size()) return;
    if (!apps_[at] && !connect(at)) return;
    auto held = apps_[at];
    held->receive(base64_ ? base64_decode(std::string_view(frame).substr(1)) : frame.substr(1));
  }
  bool connect(std::size_t at) {
    std::weak_ptr<channel_forwarder> weak = weak_from_this();
    app_connection::listener to;
    to.out = [weak, at](const std::string& bytes) {
      if (auto self = weak.lock()) self->send(2 * at, bytes);
    };
    to.closed = [weak] {
      auto self = weak.lock();
      auto socket = self ? self->socket_.lock() : nullptr;
      if (socket) socket->close(1000);
    };
    auto app = app_connection::open(target_.c, target_.loop, target_.ns, target_.pod, ports_[at],
                                    std::move(to));
    if (app) apps_[at] = *app;
    if (!app) send(2 * at + 1, error_text(target_, ports_[at], app.why().what));
    return app.ok();
  }

  forward_target target_;
  std::vector<int> ports_;
  bool base64_;
  std::weak_ptr<tools::websocket> socket_;
  std::vector<std::shared_ptr<app_connection>> apps_;
};

maybe_error read_ports(const api_call& call, std::vector<int>& out) {
  for (const auto& list : call.request.query.all("ports")) {
    for (const auto& text : split(list, ',')) {
      auto port = port_of(text);
      if (port == 0) {
        return errors::bad_request("query parameter \"ports\" " + go_quote(text) +
                                   " is not a valid port number");
      }
      out.push_back(port);
    }
  }
  if (out.empty()) return errors::bad_request("query parameter \"ports\" is required");
  if (out.size() > most_ports) return errors::bad_request("too many ports");
  return std::nullopt;
}

tools::http_reply over_websocket(const api_call& call, forward_target target,
                                 const std::string& protocol) {
  tools::websocket_reply reply;
  reply.subprotocol = protocol;
  if (protocol == tunnel_protocol) {
    reply.start = [target](std::shared_ptr<tools::websocket> socket) {
      std::make_shared<spdy_forwarder>(target, socket)->start(socket);
    };
    return reply;
  }
  std::vector<int> ports;
  if (auto error = read_ports(call, ports)) return error_response(call.request, *error);
  reply.start = [target, ports, base64 = protocol == channel_protocol_base64](
                    std::shared_ptr<tools::websocket> socket) {
    std::make_shared<channel_forwarder>(target, ports, base64, socket)->start(socket);
  };
  return reply;
}

} // namespace

tools::http_reply open_portforward(const api_call& call) {
  auto pod = call.c.objects().get("pods", call.key());
  if (!pod) return error_response(call.request, errors::not_found(call.type, call.name));
  if (text_at(*pod, {"spec", "nodeName"}).empty()) {
    return error_response(
        call.request, errors::bad_request("pod " + call.name + " does not have a host assigned"));
  }
  forward_target target{call.c, call.server.loop, call.server.alive, call.ns, call.name};
  if (wants_spdy(call.request)) {
    if (!offers_stream_protocol(call.request, spdy_protocol)) {
      return error_response(call.request,
                            {403, "Forbidden", "unable to upgrade: no common protocol", nullptr});
    }
    note_audit(call, 101);
    tools::upgrade_reply reply;
    reply.headers.set("Upgrade", "SPDY/3.1");
    reply.headers.set("X-Stream-Protocol-Version", spdy_protocol);
    reply.start = [target](std::shared_ptr<tools::websocket> socket) {
      std::make_shared<spdy_forwarder>(target, socket)->start(socket);
    };
    return reply;
  }
  if (!call.request.is_websocket_upgrade()) {
    return error_response(call.request, errors::bad_request("Upgrade request required"));
  }
  auto protocol = chosen_subprotocol(call.request,
                                     {tunnel_protocol, channel_protocol, channel_protocol_base64});
  if (protocol == "unknown") return tools::http_response{403, {}, ""};
  note_audit(call, 101);
  return over_websocket(call, target, protocol);
}

} // namespace remed::env

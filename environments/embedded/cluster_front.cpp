#include "environments/embedded/cluster_front.hpp"

#include "environments/embedded/api/context.hpp"
#include "tools/paced.hpp"

#include <algorithm>
#include <utility>

namespace remed::env {

namespace {

constexpr std::string_view prefix = "/clusters/";
constexpr int going_away = 1001; // RFC 6455 §7.4.1
constexpr std::size_t label_limit = 63;

/// A callback that its connection owns and a door can take away.
template <class... Arguments>
class revocable {
public:
  /// What to register with the connection in place of `callback`.
  auto hold(std::function<void(Arguments...)> callback) {
    auto slot = std::make_shared<std::function<void(Arguments...)>>(std::move(callback));
    slot_ = slot;
    return [slot](Arguments... arguments) {
      auto called = *slot; // it may revoke itself
      if (called) called(std::move(arguments)...);
    };
  }
  std::function<void(Arguments...)> take() {
    auto slot = slot_.lock();
    return slot ? std::exchange(*slot, {}) : nullptr;
  }

private:
  std::weak_ptr<std::function<void(Arguments...)>> slot_;
};

class guarded_socket final : public tools::websocket,
                             public tools::paced,
                             public cluster_door::passage {
public:
  explicit guarded_socket(std::shared_ptr<tools::websocket> inner) : inner_(std::move(inner)) {}

  void send(std::string message, bool binary) override { inner_->send(std::move(message), binary); }
  void close(int code) override { inner_->close(code); }
  bool closed() const override { return inner_->closed(); }
  std::size_t pending() const override { return inner_->pending(); }
  void on_drained(std::function<void()> callback) override {
    if (auto* both = dynamic_cast<tools::paced*>(inner_.get()))
      both->on_drained(drained_.hold(std::move(callback)));
  }
  void hold(bool on) override {
    if (auto* both = dynamic_cast<tools::paced*>(inner_.get())) both->hold(on);
  }
  void on_message(std::function<void(std::string, bool)> callback) override {
    inner_->on_message(message_.hold(std::move(callback)));
  }
  void on_close(std::function<void()> callback) override {
    inner_->on_close(close_.hold(std::move(callback)));
  }
  void cut() override {
    auto inner = inner_; // the callback may drop this
    auto listening = message_.take();
    auto drained = drained_.take();
    if (auto ended = close_.take()) ended();
    inner->close(going_away);
  }

private:
  std::shared_ptr<tools::websocket> inner_;
  revocable<std::string, bool> message_;
  revocable<> drained_, close_;
};

class guarded_stream final : public tools::http_stream, public cluster_door::passage {
public:
  explicit guarded_stream(std::shared_ptr<tools::http_stream> inner) : inner_(std::move(inner)) {}

  void write(std::string chunk) override { inner_->write(std::move(chunk)); }
  void end() override { inner_->end(); }
  std::size_t pending() const override { return inner_->pending(); }
  bool closed() const override { return inner_->closed(); }
  void on_close(std::function<void()> callback) override {
    inner_->on_close(close_.hold(std::move(callback)));
  }
  void cut() override {
    auto inner = inner_;
    if (auto ended = close_.take()) ended();
    inner->end();
  }

private:
  std::shared_ptr<tools::http_stream> inner_;
  revocable<> close_;
};

void hang_up(tools::websocket& socket) {
  socket.close(going_away);
}
void hang_up(tools::http_stream& stream) {
  stream.end();
}

/// `start` of a reply, for a connection that ends with the door.
template <class Guarded, class Connection>
auto guard(std::weak_ptr<cluster_door> door,
           std::function<void(std::shared_ptr<Connection>)> start) {
  return
      [door = std::move(door), start = std::move(start)](std::shared_ptr<Connection> connection) {
        auto open = door.lock();
        if (!open || !start) return hang_up(*connection);
        auto guarded = std::make_shared<Guarded>(std::move(connection));
        open->remember(guarded);
        start(std::move(guarded));
      };
}

/// Lasting connections of any kind pass through the door.
void guard_reply(const std::shared_ptr<cluster_door>& door, tools::http_reply& reply) {
  auto through = [&door](auto& r) {
    if constexpr (requires { r.start(std::shared_ptr<tools::websocket>{}); }) {
      r.start = guard<guarded_socket>(door, std::move(r.start));
    } else if constexpr (requires { r.start(std::shared_ptr<tools::http_stream>{}); }) {
      r.start = guard<guarded_stream>(door, std::move(r.start));
    }
  };
  std::visit(through, reply);
}

tools::http_response no_such_page() {
  tools::http_response out;
  out.status = 404;
  out.headers.set("Content-Type", "text/plain; charset=utf-8");
  out.body = "404 page not found\n";
  return out;
}

bool is_label(const std::string& id) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !id.empty() && id.size() <= label_limit && std::all_of(id.begin(), id.end(), allowed) &&
         id.front() != '-' && id.back() != '-';
}

std::string path_of(const std::string& id) {
  return id.empty() ? std::string{} : std::string(prefix) + id;
}

/// The id a target names, or nothing when it is one of the root's.
std::string_view id_in(std::string_view target) {
  if (target.substr(0, prefix.size()) != prefix) return {};
  target.remove_prefix(prefix.size());
  return target.substr(0, target.find_first_of("/?"));
}

} // namespace

tools::http_server_options listener_options(std::shared_ptr<const tools::tls_identity> tls) {
  tools::http_server_options out;
  out.tls = std::move(tls);
  out.too_large = [](std::size_t limit) { return error_response({}, errors::too_large(limit)); };
  return out;
}

cluster_door::~cluster_door() {
  for (const auto& weak : std::exchange(passages_, {})) {
    if (auto one = weak.lock()) one->cut();
  }
}

void cluster_door::remember(const std::shared_ptr<passage>& one) {
  if (passages_.size() == passages_.capacity()) {
    std::erase_if(passages_, [](const auto& p) { return p.expired(); });
  }
  passages_.push_back(one);
}

cluster_front::cluster_front(tools::io_loop& loop, std::shared_ptr<const tools::tls_identity> tls)
    : tls_(std::move(tls)),
      server_(
          loop, [this](const tools::http_request& request) { return handle(request); },
          listener_options(tls_)) {}

result<std::uint16_t> cluster_front::listen(std::uint16_t port) {
  auto bound = server_.listen(port);
  if (bound) port_ = *bound;
  return bound;
}

result<std::shared_ptr<cluster_door>> cluster_front::open(const std::string& id, api_server& api) {
  if (!id.empty() && !is_label(id)) {
    return failure{errc::bad_input, "cluster id \"" + id +
                                        "\": use at most 63 lower-case letters, digits and "
                                        "hyphens, beginning and ending with none of the latter"};
  }
  std::erase_if(doors_, [](const auto& entry) { return entry.second.expired(); });
  auto& slot = doors_[id];
  if (!slot.expired()) {
    return failure{errc::refused, "cluster id \"" + id + "\" is in use; choose another"};
  }
  auto door = std::make_shared<cluster_door>(api);
  slot = door;
  return door;
}

std::string cluster_front::url(const std::string& id) const {
  return "https://127.0.0.1:" + std::to_string(port_) + path_of(id);
}

tools::http_reply cluster_front::handle(const tools::http_request& request) const {
  auto id = id_in(request.target);
  auto found = doors_.find(id);
  auto door = found == doors_.end() ? nullptr : found->second.lock();
  if (!door) return no_such_page();
  auto inner = request;
  if (!id.empty()) {
    const auto cut = prefix.size() + id.size();
    inner.target.erase(0, cut);
    inner.path.erase(0, cut);
    if (inner.path.empty()) {
      inner.path = "/";
      inner.target.insert(0, "/");
    }
  }
  auto reply = door->api().handle(inner);
  guard_reply(door, reply);
  return reply;
}

} // namespace remed::env

// Exec streams over SPDY/3.1: one stream each for error, stdin, stdout, stderr and resize.
#include "environments/embedded/api/exec_status.hpp"
#include "environments/embedded/api/exec_streams.hpp"
#include "environments/embedded/api/text.hpp"
#include "tools/paced.hpp"
#include "tools/spdy.hpp"

#include <map>

namespace remed::env {

namespace {

class spdy_exec : public std::enable_shared_from_this<spdy_exec> {
public:
  spdy_exec(exec_plan plan, const std::shared_ptr<tools::websocket>& socket)
      : plan_(std::move(plan)), socket_(socket) {}

  void start(const std::shared_ptr<tools::websocket>& socket) {
    std::weak_ptr<spdy_exec> weak = weak_from_this();
    tools::spdy_connection::listener to;
    to.opened = [this](auto id, const auto& headers) { opened(id, headers); };
    to.data = [this](auto id, std::string_view data) { received(id, data); };
    to.ended = [this](auto id, bool) { ended(id); };
    auto out = [weak_socket = socket_](std::string bytes) {
      if (auto alive = weak_socket.lock()) alive->send(std::move(bytes));
    };
    connection_ = std::make_unique<tools::spdy_connection>(std::move(out), std::move(to));
    session_ = std::make_shared<exec_session>();
    session_->on_out = [weak](std::string_view data) {
      if (auto self = weak.lock()) self->send("stdout", data);
    };
    session_->on_err = [weak](std::string_view data) {
      if (auto self = weak.lock()) self->send("stderr", data);
    };
    session_->done = [weak](int code, const std::string& error) {
      if (auto self = weak.lock()) self->finish(code, error);
    };
    socket->on_message([self = shared_from_this()](const std::string& bytes, bool) {
      if (self->connection_->receive(bytes)) return;
      if (auto alive = self->socket_.lock()) alive->close();
    });
    pace(session_, socket);
    socket->on_close([session = session_, socket] {
      if (session->cancel) session->cancel();
    });
  }

private:
  void opened(std::uint32_t id, const tools::http_headers& headers) {
    streams_[std::string(headers.get("streamType"))] = id;
    if (started_ || streams_.size() < wanted()) return;
    started_ = true;
    plan_.start(session_);
    for (auto& data : std::exchange(early_, {})) received(streams_["stdin"], data);
    if (early_end_ && session_->close_input) session_->close_input();
  }
  std::size_t wanted() const {
    const auto& r = plan_.request;
    return 1u + r.input + plan_.out + (plan_.err && !r.tty) + r.tty;
  }
  void received(std::uint32_t id, std::string_view data) {
    if (id == stream("stdin") && !started_) early_.emplace_back(data);
    if (id == stream("stdin") && session_->write) session_->write(std::string(data));
    if (id != stream("resize") || !session_->resize) return;
    auto size = json::parse(data, nullptr, false);
    if (!size.is_object()) return;
    session_->resize(static_cast<int>(int_at(size, {"Width"})),
                     static_cast<int>(int_at(size, {"Height"})));
  }
  void ended(std::uint32_t id) {
    if (id != stream("stdin")) return;
    if (!started_) early_end_ = true;
    if (session_->close_input) session_->close_input();
  }
  void send(const char* to, std::string_view data) {
    if (auto id = stream(to)) connection_->send(id, data);
  }
  void finish(int code, const std::string& error) {
    send("error", exec_status(exec_protocol_v4, plan_.request.argv, code, error));
    for (const auto& [type, id] : streams_) connection_->finish(id);
    connection_->go_away();
    if (auto socket = socket_.lock()) socket->close();
  }
  std::uint32_t stream(const std::string& type) const {
    auto at = streams_.find(type);
    return at == streams_.end() ? 0 : at->second;
  }

  exec_plan plan_;
  std::weak_ptr<tools::websocket> socket_;
  std::unique_ptr<tools::spdy_connection> connection_;
  std::shared_ptr<exec_session> session_;
  std::map<std::string, std::uint32_t> streams_;
  std::vector<std::string> early_; ///< input that came before all streams stood
  bool early_end_ = false, started_ = false;
};

} // namespace

tools::http_reply exec_over_spdy(exec_plan plan) {
  tools::upgrade_reply reply;
  reply.headers.set("Upgrade", "SPDY/3.1");
  reply.headers.set("X-Stream-Protocol-Version", exec_protocol_v4);
  reply.start = [plan = std::move(plan)](std::shared_ptr<tools::websocket> socket) {
    std::make_shared<spdy_exec>(plan, socket)->start(socket);
  };
  return reply;
}

void pace(const std::shared_ptr<exec_session>& session,
          const std::shared_ptr<tools::websocket>& socket) {
  constexpr std::size_t most_queued = 1u << 20;
  auto both = std::dynamic_pointer_cast<tools::paced>(socket);
  if (!both) return;
  std::weak_ptr<tools::websocket> weak = socket;
  session->congested = [weak] {
    auto open = weak.lock();
    return open && open->pending() > most_queued;
  };
  session->hold_input = [way = std::weak_ptr<tools::paced>(both)](bool on) {
    if (auto open = way.lock()) open->hold(on);
  };
  both->on_drained([weak_session = std::weak_ptr<exec_session>(session)] {
    auto waiting = weak_session.lock();
    if (waiting && waiting->resume) waiting->resume();
  });
}

std::string chosen_subprotocol(const tools::http_request& request,
                               const std::vector<std::string>& ours) {
  auto offered = request.headers.get("Sec-WebSocket-Protocol");
  if (offered.empty()) return "";
  for (const auto& wanted : ours) {
    for (auto text : split(offered, ',')) {
      text.erase(0, text.find_first_not_of(' '));
      text.erase(text.find_last_not_of(' ') + 1);
      if (text == wanted) return wanted;
    }
  }
  return "unknown";
}

bool wants_spdy(const tools::http_request& request) {
  return request.headers.get("Upgrade").find("SPDY/3.1") != std::string_view::npos;
}

bool offers_stream_protocol(const tools::http_request& request, std::string_view protocol) {
  for (const auto& [name, value] : request.headers.all()) {
    constexpr std::string_view field = "X-Stream-Protocol-Version";
    bool same = name.size() == field.size() &&
                std::equal(name.begin(), name.end(), field.begin(), [](char a, char b) {
                  return std::tolower(static_cast<unsigned char>(a)) ==
                         std::tolower(static_cast<unsigned char>(b));
                });
    if (same && value.find(protocol) != std::string::npos) return true;
  }
  return false;
}

} // namespace remed::env

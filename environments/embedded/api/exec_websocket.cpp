// Exec streams over a WebSocket: each message is a channel number and data.
#include "environments/embedded/api/exec_status.hpp"
#include "environments/embedded/api/exec_streams.hpp"
#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

constexpr int channel_in = 0, channel_out = 1, channel_err = 2, channel_status = 3,
              channel_resize = 4, channel_close = 255;

/// One command's side of the socket.
class exec_channels {
public:
  exec_channels(std::shared_ptr<tools::websocket> socket, std::string protocol,
                std::vector<std::string> argv)
      : socket_(socket), protocol_(std::move(protocol)), argv_(std::move(argv)) {}

  void send(int channel, std::string_view data) const {
    auto socket = socket_.lock();
    if (!socket || socket->closed()) return;
    if (is_base64()) {
      socket->send(static_cast<char>('0' + channel) + base64_encode(data), false);
    } else {
      socket->send(static_cast<char>(channel) + std::string(data), true);
    }
  }

  void finish(int exit_code, const std::string& error) const {
    send(channel_status, exec_status(protocol_, argv_, exit_code, error));
    if (auto socket = socket_.lock()) socket->close(1000);
  }

  void receive(const std::string& frame, exec_session& session) const {
    if (frame.empty()) return;
    auto channel = is_base64() ? frame[0] - '0' : static_cast<unsigned char>(frame[0]);
    auto data = is_base64() ? base64_decode(std::string_view(frame).substr(1)) : frame.substr(1);
    if (channel == channel_in && session.write && !data.empty()) session.write(std::move(data));
    if (channel == channel_resize) resize(session, data);
    bool closes_input = protocol_ == exec_protocol_v5 && channel == channel_close &&
                        !data.empty() && data[0] == channel_in;
    if (closes_input && session.close_input) session.close_input();
  }

  static void resize(const exec_session& session, const std::string& data) {
    auto size = json::parse(data, nullptr, false);
    if (!session.resize || !size.is_object()) return;
    session.resize(static_cast<int>(int_at(size, {"Width"})),
                   static_cast<int>(int_at(size, {"Height"})));
  }

private:
  bool is_base64() const { return protocol_ == exec_protocol_base64; }

  std::weak_ptr<tools::websocket> socket_;
  std::string protocol_;
  std::vector<std::string> argv_;
};

/// Ties socket and command together; each holds the other only as long as the socket is open.
void run_exec(const exec_plan& plan, const std::string& protocol,
              std::shared_ptr<tools::websocket> socket) {
  auto session = std::make_shared<exec_session>();
  auto channels = std::make_shared<exec_channels>(socket, protocol, plan.request.argv);
  session->on_out = [channels, wanted = plan.out](std::string_view data) {
    if (wanted) channels->send(channel_out, data);
  };
  session->on_err = [channels, wanted = plan.err](std::string_view data) {
    if (wanted) channels->send(channel_err, data);
  };
  session->done = [channels](int code, const std::string& error) { channels->finish(code, error); };
  socket->on_message(
      [channels, session](const std::string& frame, bool) { channels->receive(frame, *session); });
  // The server keeps no handle of its own: the socket lives until it is closed because this does.
  socket->on_close([session, socket] {
    if (session->cancel) session->cancel();
  });
  pace(session, socket);
  channels->send(channel_out, {});
  plan.start(session);
}

} // namespace

tools::http_reply exec_over_websocket(exec_plan plan, const std::string& protocol) {
  tools::websocket_reply reply;
  reply.subprotocol = protocol;
  reply.start = [plan = std::move(plan), protocol](std::shared_ptr<tools::websocket> socket) {
    run_exec(plan, protocol, std::move(socket));
  };
  return reply;
}

} // namespace remed::env

// pods/exec over a WebSocket: the channel protocols of kubectl (v5, v4), python (v4) and browsers
// (base64).
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

constexpr const char* protocols[] = {"v5.channel.k8s.io", "v4.channel.k8s.io",
                                     "base64.channel.k8s.io", "channel.k8s.io"};

/// One command's side of the socket: frames with the channel in front.
class exec_channel {
public:
  exec_channel(std::shared_ptr<tools::websocket> socket, std::string protocol,
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
    send(3, result_text(exit_code, error));
    if (auto socket = socket_.lock()) socket->close(1000);
  }

  void receive(const std::string& frame, exec_session& session) const {
    if (frame.empty()) return;
    auto channel = is_base64() ? frame[0] - '0' : static_cast<unsigned char>(frame[0]);
    auto data = is_base64() ? base64_decode(std::string_view(frame).substr(1)) : frame.substr(1);
    if (channel == 0 && session.write && !data.empty()) session.write(std::move(data));
    bool closes_input =
        protocol_ == protocols[0] && channel == 255 && !data.empty() && data[0] == 0;
    if (closes_input && session.close_input) session.close_input();
  }

private:
  bool is_base64() const { return protocol_ == protocols[2]; }
  bool sends_status() const { return protocol_ == protocols[0] || protocol_ == protocols[1]; }

  std::string result_text(int exit_code, const std::string& error) const {
    json status = {{"metadata", json::object()}, {"status", "Success"}};
    if (error.empty() && exit_code == 0) return sends_status() ? status.dump() : "";
    status["status"] = "Failure";
    if (!error.empty()) {
      auto text = "Internal error occurred: error executing command in container: " + error;
      if (!sends_status()) return text;
      status["message"] = "Internal error occurred: " + text;
      status["reason"] = "InternalError";
      status["details"]["causes"] = json::array();
      status["details"]["causes"].push_back({{"message", text}});
      status["code"] = 500;
      return status.dump();
    }
    auto code = std::to_string(exit_code);
    auto why = protocol_ == protocols[0]
                   ? "command terminated with exit code " + code
                   : "error executing command [" + join(argv_, " ") + "], exit code " + code;
    status["message"] = "command terminated with non-zero exit code: " + why;
    if (!sends_status()) return status["message"];
    status["reason"] = "NonZeroExitCode";
    status["details"]["causes"] = json::array();
    status["details"]["causes"].push_back({{"reason", "ExitCode"}, {"message", code}});
    return status.dump();
  }

  std::weak_ptr<tools::websocket> socket_;
  std::string protocol_;
  std::vector<std::string> argv_;
};

maybe_error read_request(const api_call& call, exec_request& out) {
  auto pod = call.c.objects().get("pods", call.key());
  if (!pod) return errors::not_found(call.type, call.name);
  const auto& query = call.request.query;
  out.ns = call.ns;
  out.pod = call.name;
  out.container = query.get("container");
  out.argv = query.all("command");
  out.tty = query.has("tty") && query.flag("tty");
  out.input = query.has("stdin") && query.flag("stdin");
  const auto& containers = at_path(*pod, {"spec", "containers"});
  if (out.container.empty()) {
    out.container =
        text_at(*pod, {"metadata", "annotations", "kubectl.kubernetes.io/default-container"});
  }
  if (out.container.empty() && !containers.empty())
    out.container = text_at(containers[0], {"name"});
  bool known = false;
  for (auto* list : {"containers", "initContainers"}) {
    for (const auto& c : at_path(*pod, {"spec", list}))
      known = known || text_at(c, {"name"}) == out.container;
  }
  if (!known)
    return errors::bad_request("container " + out.container + " is not valid for pod " + call.name);
  if (out.argv.empty())
    return errors::bad_request("you must specify at least one command for the container");
  if (text_at(*pod, {"spec", "nodeName"}).empty()) {
    return errors::bad_request("pod " + call.name + " does not have a host assigned");
  }
  return std::nullopt;
}

std::string chosen_protocol(const tools::http_request& request) {
  auto offered = request.headers.get("Sec-WebSocket-Protocol");
  if (offered.empty()) return "";
  for (auto* ours : protocols) {
    for (auto text : split(offered, ',')) {
      text.erase(0, text.find_first_not_of(' '));
      text.erase(text.find_last_not_of(' ') + 1);
      if (text == ours) return ours;
    }
  }
  return "unknown";
}

/// Ties socket and command together; each holds the other only as long as the socket is open.
void run_exec(api_server::state& server, const exec_request& request, const std::string& protocol,
              bool wants_out, bool wants_err, std::shared_ptr<tools::websocket> socket) {
  auto session = std::make_shared<exec_session>();
  auto channel = std::make_shared<exec_channel>(socket, protocol, request.argv);
  session->on_out = [channel, wants_out](std::string_view data) {
    if (wants_out) channel->send(1, data);
  };
  session->on_err = [channel, wants_err](std::string_view data) {
    if (wants_err) channel->send(2, data);
  };
  session->done = [channel](int code, std::string error) { channel->finish(code, error); };
  socket->on_message(
      [channel, session](std::string frame, bool) { channel->receive(frame, *session); });
  // The server keeps no handle of its own: the socket lives until it is closed because this does.
  socket->on_close([session, socket] {
    if (session->cancel) session->cancel();
  });
  channel->send(1, {});
  server.exec(server.c, request, session);
}

} // namespace

tools::http_reply open_exec(const api_call& call) {
  exec_request request;
  if (auto error = read_request(call, request)) return error_response(call.request, *error);
  auto upgrade = call.request.headers.get("Upgrade");
  if (upgrade.find("SPDY") != std::string_view::npos) {
    return error_response(
        call.request, errors::bad_request("this server speaks exec over WebSocket "
                                          "(v5.channel.k8s.io, v4.channel.k8s.io), not SPDY: use "
                                          "kubectl 1.30 or newer"));
  }
  if (!call.request.is_websocket_upgrade()) {
    return error_response(call.request, errors::bad_request("Upgrade request required"));
  }
  auto protocol = chosen_protocol(call.request);
  if (protocol == "unknown") {
    tools::http_response refused;
    refused.status = 403;
    return refused;
  }
  if (!call.server.exec) {
    return error_response(call.request, {501, "NotImplemented",
                                         "this cluster was started without a pod shell", nullptr});
  }
  note_audit(call, 101, nullptr, {{"container", request.container}, {"command", request.argv}});
  tools::websocket_reply reply;
  reply.subprotocol = protocol;
  auto wants = [&](const char* name) {
    return !call.request.query.has(name) || call.request.query.flag(name);
  };
  std::weak_ptr<const bool> alive = call.server.alive;
  reply.start = [request, protocol, alive, out = wants("stdout"), err = wants("stderr"),
                 &server = call.server](std::shared_ptr<tools::websocket> socket) {
    if (alive.expired()) return socket->close(1001);
    run_exec(server, request, protocol, out, err, std::move(socket));
  };
  return reply;
}

} // namespace remed::env

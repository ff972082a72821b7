// Forwarded ports, proxies and attaching, without any socket.
#include "environments/embedded/api/exec_status.hpp"
#include "environments/embedded/api_server.hpp"
#include "environments/embedded/node/logs.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/shell/exec.hpp"
#include "tests/environments/kubelet_support.hpp"
#include "tools/spdy/headers.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

/// A client's WebSocket: what the server sends is kept.
class kept_socket final : public tools::websocket {
public:
  std::vector<std::string> messages;
  bool over = false;
  std::function<void(std::string, bool)> receive;

  void send(std::string message, bool) override { messages.push_back(std::move(message)); }
  void close(int) override { over = true; }
  bool closed() const override { return over; }
  std::size_t pending() const override { return 0; }
  void on_message(std::function<void(std::string, bool)> callback) override {
    receive = std::move(callback);
  }
  void on_close(std::function<void()>) override {} // it would keep this socket for ever
  std::string all() const { return join(messages, "|"); }
};

struct client {
  explicit client(shop& s) : api(*s.c) {
    who.token = "t";
    who.user = "kubernetes-admin";
    who.groups = {"system:masters"};
    api.add_identity(who);
    api.set_exec(make_exec_backend(nullptr, tools::sandbox_spec::mode::none));
  }
  tools::http_request request(const std::string& url, const std::string& protocol = {}) {
    tools::http_request r;
    auto mark = url.find('?');
    r.path = "/api/v1/namespaces/shop/" + url.substr(0, mark);
    if (mark != std::string::npos) r.query = tools::query_params::parse(url.substr(mark + 1));
    r.headers.set("Authorization", "Bearer t");
    if (protocol.empty()) return r;
    r.headers.set("Upgrade", "websocket");
    r.headers.set("Connection", "Upgrade");
    r.headers.set("Sec-WebSocket-Protocol", protocol);
    return r;
  }
  std::shared_ptr<kept_socket> connect(const std::string& url, const std::string& protocol) {
    auto reply = api.handle(request(url, protocol));
    auto* socket_reply = std::get_if<tools::websocket_reply>(&reply);
    REQUIRE(socket_reply);
    CHECK(socket_reply->subprotocol == protocol);
    auto socket = std::make_shared<kept_socket>();
    socket_reply->start(socket);
    return socket;
  }
  tools::http_response get(const std::string& url) {
    auto reply = api.handle(request(url));
    REQUIRE(std::holds_alternative<tools::http_response>(reply));
    return std::get<tools::http_response>(reply);
  }

  api_server api;
  identity who;
};

json plain_nginx() {
  auto one = json::object();
  one["name"] = "main";
  one["image"] = "nginx:1.25";
  return one;
}

/// A web server that is no part of the system.
json stranger() {
  auto p = pod("one", {plain_nginx()});
  p["metadata"]["labels"]["app"] = "other";
  return p;
}

const std::string ask_index = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

} // namespace

TEST_CASE("python's port-forward gets the port on each channel, then the application's answer") {
  shop s;
  s.create("pods", stranger());
  s.wait(30);
  client k(s);
  auto socket = k.connect("pods/one/portforward?ports=80&ports=81", "v4.channel.k8s.io");
  REQUIRE(socket->messages.size() == 4);
  CHECK(socket->messages[0] == std::string("\x00\x50\x00", 3));
  CHECK(socket->messages[3] == std::string("\x03\x51\x00", 3));
  socket->receive(std::string(1, '\0') + ask_index, true);
  REQUIRE(socket->messages.size() == 5);
  CHECK(socket->messages[4].find("HTTP/1.1 200 OK") == 1);
  CHECK(socket->messages[4].find("Welcome to nginx!") != std::string::npos);
  socket->receive(std::string(1, '\2') + ask_index, true);
  CHECK(socket->messages.back().find("error forwarding port 81 to pod one, uid : failed to execute "
                                     "portforward in network namespace") == 1);
  CHECK(socket->messages.back().find("dial tcp4 127.0.0.1:81: connect: connection refused") !=
        std::string::npos);
}

TEST_CASE("a port that is no number is refused") {
  shop s;
  s.create("pods", stranger());
  s.wait(30);
  client k(s);
  for (const char* ports : {"", "?ports=x", "?ports=0", "?ports=70000"}) {
    auto reply =
        k.api.handle(k.request(std::string("pods/one/portforward") + ports, "v4.channel.k8s.io"));
    REQUIRE(std::holds_alternative<tools::http_response>(reply));
    CHECK(std::get<tools::http_response>(reply).status == 400);
  }
}

TEST_CASE("SPDY tunnelled in a WebSocket forwards each pair of streams") {
  shop s;
  s.create("pods", stranger());
  s.wait(30);
  client k(s);
  auto socket = k.connect("pods/one/portforward", "SPDY/3.1+portforward.k8s.io");
  tools::spdy_deflater deflater;
  auto word = [](std::uint32_t n) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((n >> shift) & 0xff);
    return out;
  };
  auto open = [&](std::uint32_t id, const char* type, const char* port) {
    tools::http_headers h;
    h.add("streamtype", type);
    h.add("port", port);
    h.add("requestid", "0");
    auto body = word(id) + word(0) + std::string(2, '\0') + deflater.block(h);
    return word(0x80030001u) + word(static_cast<std::uint32_t>(body.size())) + body;
  };
  socket->receive(open(1, "error", "80"), true);
  socket->receive(open(3, "data", "80"), true);
  socket->receive(word(3) + word(static_cast<std::uint32_t>(ask_index.size())) + ask_index, true);
  CHECK(socket->all().find("Welcome to nginx!") != std::string::npos);
  socket->messages.clear();
  socket->receive(std::string("\x80\x02\x00\x01", 4) + "garbage!", true);
  CHECK(socket->over);
}

TEST_CASE("services and pods are reached through the API's proxy, with its refusals") {
  shop s;
  s.create("deployments.apps", deployment("web", 1, web_container()));
  auto service = json::parse(R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 8080,
             "targetPort": 80}]}})");
  s.create("services", service);
  client k(s);
  CHECK(json::parse(k.get("services/web:http/proxy/").body)["message"] ==
        "no endpoints available for service \"web\"");
  s.wait(30);
  auto fine = k.get("services/web:8080/proxy/");
  CHECK(fine.status == 200);
  CHECK(json::parse(fine.body)["service"] == "web");
  CHECK(k.get("services/http:web:http/proxy/").status == 200);
  CHECK(k.get("services/web/proxy").status == 301);
  auto wrong = k.get("services/web:9/proxy/");
  CHECK(wrong.status == 503);
  CHECK(json::parse(wrong.body)["message"] == "no service port \"9\" found for service \"web\"");
  CHECK(k.get("services/none/proxy/").status == 404);
  auto name = text_at(*s.pods().at(0), {"metadata", "name"});
  auto ip = text_at(*s.pods().at(0), {"status", "podIP"});
  CHECK(k.get("pods/" + name + "/proxy/").status == 200);
  auto refused = k.get("pods/" + name + ":99/proxy/");
  CHECK(refused.status == 503);
  CHECK(json::parse(refused.body)["message"] ==
        "error trying to reach service: dial tcp " + ip + ":99: connect: connection refused");
}

TEST_CASE("who is attached hears what the container says from then on, and its end") {
  shop s;
  s.create("pods", pod("one", {shell("main", "while true; do sleep 5; done")}));
  s.wait(10);
  client k(s);
  auto uid = text_at(*s.get("pods", "one"), {"metadata", "uid"});
  append_log(*s.c, uid, "main", "before");
  auto socket = k.connect("pods/one/attach?stdout=true&stderr=true", "v5.channel.k8s.io");
  append_log(*s.c, uid, "main", "after");
  append_log(*s.c, uid, "main", "trouble", true);
  k.api.pump();
  CHECK(socket->all() ==
        "\x01|\x01"
        "after\n|\x02trouble\n");
  kill_container(*s.c, uid, "main");
  s.wait(1);
  k.api.pump();
  CHECK(socket->over);
  CHECK(socket->messages.back().find("\"status\":\"Success\"") != std::string::npos);
}

TEST_CASE("a shell with input waits for someone, and ends its container when left") {
  shop s;
  auto one = shell("main", "");
  one["command"] = json::array({"sh"});
  one["stdin"] = true;
  auto p = pod("one", {one});
  p["spec"]["restartPolicy"] = "Never";
  s.create("pods", p);
  s.wait(30);
  CHECK(text_at(*s.get("pods", "one"), {"status", "phase"}) == "Running");
  CHECK(s.c->node().find("shop", "one")->find("main")->interactive);
  one["stdin"] = false;
  auto q = pod("two", {one});
  q["spec"]["restartPolicy"] = "Never";
  s.create("pods", q);
  s.wait(30);
  CHECK(text_at(*s.get("pods", "two"), {"status", "phase"}) == "Succeeded");
}

TEST_CASE("the end of a command is told in the words of the protocol") {
  CHECK(exec_status(exec_protocol_v5, {"x"}, 0, "") == R"({"metadata":{},"status":"Success"})");
  auto v5 = json::parse(exec_status(exec_protocol_v5, {"x"}, 3, ""));
  CHECK(v5["message"] ==
        "command terminated with non-zero exit code: command terminated with exit code 3");
  auto v4 = json::parse(exec_status(exec_protocol_v4, {"sh", "-c", "exit 3"}, 3, ""));
  CHECK(v4["message"] ==
        "command terminated with non-zero exit code: error executing command "
        "[sh -c exit 3], exit code 3");
  CHECK(v4["details"]["causes"][0]["message"] == "3");
  CHECK(exec_status(exec_protocol_plain, {"x"}, 0, "").empty());
}

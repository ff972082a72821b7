#include "tests/tools/pump.hpp"
#include "tests/tools/raw_peer.hpp"
#include "tools/http_server.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::tools;
using namespace std::chrono_literals;
using remed::test::pump;
using remed::test::raw_peer;

namespace {

/// A client frame: masked, as the protocol wants it from clients.
std::string frame(int opcode, const std::string& payload) {
  std::string out;
  out += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  }
  const char mask[4] = {1, 2, 3, 4};
  out.append(mask, 4);
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

std::string upgrade(const std::string& fields = "") {
  return "GET /exec HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
         "websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         fields + "\r\n";
}

struct fixture {
  fixture()
      : server(std::make_unique<http_server>(loop,
                                             [this](const http_request& r) { return handle(r); })) {
    auto listening = server->listen();
    REQUIRE(listening.ok());
    port = *listening;
  }
  http_reply handle(const http_request& r) {
    if (r.path == "/refused") {
      http_response out;
      out.status = 403;
      return out;
    }
    websocket_reply out;
    out.subprotocol = "v5.channel.k8s.io";
    out.start = [this](std::shared_ptr<websocket> s) {
      socket = std::move(s);
      socket->on_message([this](std::string text, bool binary) {
        heard.push_back((binary ? "b:" : "t:") + text);
      });
      socket->on_close([this] { ++closes; });
    };
    return out;
  }
  void open(raw_peer& peer) {
    peer.send(upgrade("Sec-WebSocket-Protocol: v5.channel.k8s.io, v4.channel.k8s.io\r\n"));
    REQUIRE(peer.wait_for("\r\n\r\n"));
    REQUIRE(pump(loop, [&] { return socket != nullptr; }));
  }

  io_loop loop;
  std::shared_ptr<websocket> socket;
  std::vector<std::string> heard;
  int closes = 0;
  std::unique_ptr<http_server> server;
  std::uint16_t port = 0;
};

} // namespace

TEST_CASE("an upgrade is accepted with the subprotocol the handler chose") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  CHECK(peer.received().find("HTTP/1.1 101 Switching Protocols") == 0);
  CHECK(peer.received().find("Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n") != std::string::npos);
  // The value of RFC 6455, section 1.3.
  CHECK(peer.received().find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);
}

TEST_CASE("text and binary messages go both ways, in order") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  peer.forget();
  peer.send(frame(1, "hello") + frame(2, std::string("\0x", 2)) + frame(1, std::string(1000, 'y')));
  REQUIRE(pump(f.loop, [&] { return f.heard.size() == 3; }));
  CHECK(f.heard[0] == "t:hello");
  CHECK(f.heard[1] == std::string("b:\0x", 4));
  CHECK(f.heard[2].size() == 1002);
  f.socket->send("one", false);
  f.socket->send("two", true);
  CHECK(peer.wait_for("\x81\x03one\x82\x03two"));
}

TEST_CASE("a ping is answered with a pong of the same content") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  peer.send(frame(9, "are you there"));
  CHECK(
      peer.wait_for("\x8a\x0d"
                    "are you there"));
}

TEST_CASE("closing sends what is queued, then the code, and calls back once") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  f.socket->send("last words");
  f.socket->close(1011);
  CHECK(f.socket->closed());
  f.socket->send("ignored");
  REQUIRE(peer.wait_for(std::string("last words\x88\x02\x03\xf3", 14)));
  peer.send(frame(8, "\x03\xf3"));
  CHECK(peer.wait_for_end());
  peer.close();
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
}

TEST_CASE("a close by the peer is answered and called back") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  peer.send(frame(8, "\x03\xe8"));
  CHECK(peer.wait_for(std::string("\x88\x02\x03\xe8", 4)));
  peer.close();
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
  CHECK(f.socket->closed());
}

TEST_CASE("a peer that vanishes without a word is called back") {
  fixture f;
  auto peer = std::make_unique<raw_peer>(f.loop, f.port);
  f.open(*peer);
  peer.reset();
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
}

TEST_CASE("an unmasked frame is a protocol error that ends only this connection") {
  fixture f;
  raw_peer peer(f.loop, f.port), other(f.loop, f.port);
  f.open(peer);
  peer.send(std::string("\x81\x02hi"));
  CHECK(peer.wait_for(std::string("\x88\x02\x03\xea", 4))); // 1002
  peer.close();
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
  other.send("GET /refused HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(other.wait_for("403 Forbidden"));
}

TEST_CASE("a handler may refuse an upgrade; an ordinary request is told to upgrade") {
  fixture f;
  raw_peer refused(f.loop, f.port), ordinary(f.loop, f.port);
  refused.send(
      "GET /refused HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  CHECK(refused.wait_for("403 Forbidden"));
  ordinary.send("GET /exec HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(ordinary.wait_for("400 Bad Request"));
}

TEST_CASE("an upgrade of an unknown version is refused") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(
      "GET /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  CHECK(peer.wait_for_end());
  CHECK(peer.received().find("HTTP/1.1 4") == 0);
  CHECK_FALSE(f.socket);
}

TEST_CASE("the server may go while a WebSocket is open and held") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  f.server.reset();
  CHECK(peer.wait_for_end());
  CHECK(f.socket->closed());
  f.socket->send("x");
  f.socket->close();
  CHECK(f.closes == 0);
}

TEST_CASE("a callback may drop the socket and the server") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  f.socket->on_message([&](std::string, bool) {
    f.socket.reset();
    f.server.reset();
  });
  peer.send(frame(1, "go"));
  CHECK(peer.wait_for_end());
  CHECK_FALSE(f.server);
}

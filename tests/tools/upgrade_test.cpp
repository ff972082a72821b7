#include "tests/tools/pump.hpp"
#include "tests/tools/raw_peer.hpp"
#include "tools/http_server.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::tools;
using remed::test::pump;
using remed::test::raw_peer;

namespace {

struct fixture {
  fixture() : server(loop, [this](const http_request&) { return reply(); }) {
    auto listening = server.listen();
    REQUIRE(listening.ok());
    port = *listening;
  }
  http_reply reply() {
    upgrade_reply out;
    out.headers.set("Upgrade", "SPDY/3.1");
    out.start = [this](std::shared_ptr<websocket> s) {
      socket = std::move(s);
      socket->on_message([this](const std::string& bytes, bool) { heard += bytes; });
      socket->on_close([this] { gone = true; });
    };
    return out;
  }

  io_loop loop;
  std::shared_ptr<websocket> socket;
  std::string heard;
  bool gone = false;
  http_server server;
  std::uint16_t port = 0;
};

const std::string ask =
    "POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    "Content-Length: 0\r\n\r\n";

} // namespace

TEST_CASE("an upgraded connection carries bytes both ways until one side hangs up") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(ask);
  CHECK(
      peer.wait_for("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                    "SPDY/3.1\r\n\r\n"));
  peer.send("ping");
  CHECK(pump(f.loop, [&] { return f.heard == "ping"; }));
  f.socket->send("pong");
  CHECK(peer.wait_for("pong"));
  peer.close();
  CHECK(pump(f.loop, [&] { return f.gone; }));
}

TEST_CASE("closing an upgraded connection sends what is queued first") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(ask);
  REQUIRE(pump(f.loop, [&] { return f.socket != nullptr; }));
  f.socket->send(std::string(300'000, 'x') + "end");
  CHECK(f.socket->pending() > 0);
  f.socket->close();
  CHECK(f.socket->closed());
  CHECK(peer.wait_for_end());
  CHECK(peer.received().ends_with("xend"));
}

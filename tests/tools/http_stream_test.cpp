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

/// A server that answers /stream with a stream the test holds, all else with "plain".
struct fixture {
  explicit fixture(http_server_options options = {})
      : server(std::make_unique<http_server>(
            loop, [this](const http_request& r) { return handle(r); }, options)) {
    auto listening = server->listen();
    REQUIRE(listening.ok());
    port = *listening;
  }

  http_reply handle(const http_request& r) {
    if (r.path != "/stream") {
      http_response out;
      out.body = "plain";
      return out;
    }
    stream_reply out;
    out.headers.set("Content-Type", "application/json");
    out.start = [this](std::shared_ptr<http_stream> s) {
      stream = std::move(s);
      stream->on_close([this] { ++closes; });
    };
    return out;
  }

  void open(raw_peer& peer, const std::string& version = "1.1") {
    peer.send("GET /stream HTTP/" + version + "\r\nHost: x\r\n\r\n");
    REQUIRE(pump(loop, [&] { return stream != nullptr; }));
  }

  io_loop loop;
  std::shared_ptr<http_stream> stream;
  int closes = 0;
  std::unique_ptr<http_server> server;
  std::uint16_t port = 0;
};

} // namespace

TEST_CASE("a stream's header comes at once and its pieces as chunks") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  CHECK(peer.wait_for("Transfer-Encoding: chunked\r\n\r\n"));
  f.stream->write("hello");
  CHECK(peer.wait_for("5\r\nhello\r\n"));
  f.stream->write(std::string(300, 'x'));
  CHECK(peer.wait_for("12c\r\nxxx"));
  CHECK_FALSE(f.stream->closed());
  f.stream->end();
  CHECK(peer.wait_for("0\r\n\r\n"));
  CHECK(f.stream->closed());
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
  f.stream->write("ignored");
  f.stream->end();
  peer.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(peer.wait_for("plain"));
  CHECK(peer.received().find("ignored") == std::string::npos);
}

TEST_CASE("a request sent while a stream is open is answered after its end") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  peer.send("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  f.loop.run_for(20ms);
  f.stream->write("piece");
  REQUIRE(peer.wait_for("piece"));
  CHECK(peer.received().find("plain") == std::string::npos);
  f.stream->end();
  CHECK(peer.wait_for("plain"));
}

TEST_CASE("a quiet stream notices that its peer has gone") {
  fixture f;
  auto peer = std::make_unique<raw_peer>(f.loop, f.port);
  f.open(*peer);
  peer.reset();
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
  CHECK(f.stream->closed());
  f.stream->write("into the void");
  CHECK(f.stream->pending() == 0);
}

TEST_CASE("a quiet stream is not taken for a slow peer") {
  http_server_options options;
  options.idle_limit = 60ms;
  fixture f(options);
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  pump(
      f.loop, [] { return false; }, 250ms);
  CHECK_FALSE(f.stream->closed());
  f.stream->write("still here");
  CHECK(peer.wait_for("still here"));
}

TEST_CASE("what a slow reader has not taken is pending, and in the end it is cut off") {
  http_server_options options;
  options.idle_limit = 500ms;
  fixture f(options);
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  for (int i = 0; i < 32; ++i) f.stream->write(std::string(1u << 20, 'x'));
  // Before the loop runs: on a busy machine the limit may have passed already.
  CHECK(f.stream->pending() > (8u << 20));
  CHECK(pump(f.loop, [&] { return f.closes == 1; }));
}

TEST_CASE("an HTTP/1.0 stream is not chunked and ends with the connection") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer, "1.0");
  f.stream->write("raw");
  f.stream->end();
  REQUIRE(peer.wait_for_end());
  CHECK(peer.received().substr(peer.received().size() - 7) == "\r\n\r\nraw");
  CHECK(peer.received().find("chunked") == std::string::npos);
}

TEST_CASE("HEAD of a stream is only its header") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(peer.wait_for("plain"));
  CHECK_FALSE(f.stream);
}

TEST_CASE("dropping the last reference ends the stream") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  f.open(peer);
  f.stream->write("x");
  f.stream.reset();
  CHECK(peer.wait_for("1\r\nx\r\n0\r\n\r\n"));
}

TEST_CASE("closing the server tells open streams, destroying it does not; both close the peer") {
  for (bool destroy : {false, true}) {
    CAPTURE(destroy);
    fixture f;
    raw_peer peer(f.loop, f.port);
    f.open(peer);
    if (destroy)
      f.server.reset();
    else
      f.server->close();
    CHECK(f.closes == (destroy ? 0 : 1));
    CHECK(f.stream->closed());
    f.stream->write("x");
    CHECK(peer.wait_for_end());
  }
}

TEST_CASE("a stream may outlive server and loop") {
  std::shared_ptr<http_stream> kept;
  {
    fixture f;
    raw_peer peer(f.loop, f.port);
    f.open(peer);
    kept = f.stream;
  }
  CHECK(kept->closed());
  kept->write("x");
  kept->end();
}

TEST_CASE("two hundred streams are served at once") {
  io_loop loop;
  std::vector<std::shared_ptr<http_stream>> streams;
  http_server server(loop, [&](const http_request&) {
    stream_reply out;
    out.start = [&](std::shared_ptr<http_stream> s) { streams.push_back(std::move(s)); };
    return out;
  });
  auto port = server.listen();
  REQUIRE(port.ok());
  std::vector<std::unique_ptr<raw_peer>> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(std::make_unique<raw_peer>(loop, *port));
    peers.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    loop.poll();
  }
  REQUIRE(pump(loop, [&] { return streams.size() == 200; }));
  for (auto& s : streams) s->write("event");
  for (auto& p : peers) CHECK(p->wait_for("event"));
}

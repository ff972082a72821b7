#include "tools/http_server.hpp"

#include "tests/tools/pump.hpp"
#include "tests/tools/raw_peer.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace remed;
using namespace remed::tools;
using namespace std::chrono_literals;
using remed::test::pump;
using remed::test::raw_peer;

namespace {

http_response text(std::string body, int status = 200) {
  http_response out;
  out.status = status;
  out.headers.set("Content-Type", "text/plain");
  out.body = std::move(body);
  return out;
}

/// A server whose answers depend on the path, and what it saw.
struct fixture {
  explicit fixture(http_server_options options = {})
      : server(
            loop, [this](const http_request& r) { return handle(r); }, options) {
    auto listening = server.listen();
    REQUIRE(listening.ok());
    port = *listening;
  }

  http_reply handle(const http_request& r) {
    seen.push_back(r);
    if (auto own = routes.find(r.path); own != routes.end()) return own->second(r);
    return text(r.method + ' ' + r.path + ' ' + r.body);
  }

  io_loop loop;
  std::vector<http_request> seen;
  std::map<std::string, http_handler> routes;
  http_server server;
  std::uint16_t port = 0;
};

std::string status_line(const std::string& answer) {
  return answer.substr(0, answer.find("\r\n"));
}

std::string get(const std::string& path, const std::string& fields = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n";
}

} // namespace

TEST_CASE("a request is answered and the connection kept for the next one") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(get("/one"));
  REQUIRE(peer.wait_for("GET /one "));
  CHECK(status_line(peer.received()) == "HTTP/1.1 200 OK");
  CHECK(peer.received().find("Content-Length: 9\r\n") != std::string::npos);
  peer.send(get("/two"));
  REQUIRE(peer.wait_for("GET /two "));
  CHECK_FALSE(peer.ended());
}

TEST_CASE("path and query reach the handler decoded, the target as it came") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(get("/a%2Fb%20c?x=1%202&x=3"));
  REQUIRE(peer.wait_for("GET /a/b c "));
  CHECK(f.seen[0].path == "/a/b c");
  CHECK(f.seen[0].target == "/a%2Fb%20c?x=1%202&x=3");
  CHECK(f.seen[0].query.all("x") == std::vector<std::string>{"1 2", "3"});
  CHECK(f.seen[0].peer.find("127.0.0.1:") == 0);
}

TEST_CASE("pipelined requests are answered in order") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  std::string all;
  for (int i = 0; i < 50; ++i) all += get("/p" + std::to_string(i));
  peer.send_all(all);
  REQUIRE(peer.wait_for("/p49 "));
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    auto next = peer.received().find("GET /p" + std::to_string(i) + ' ', at);
    REQUIRE(next != std::string::npos);
    at = next;
  }
}

TEST_CASE("a body by length and a chunked body both arrive") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  REQUIRE(peer.wait_for("POST /b hello"));
  peer.send(
      "PATCH /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  REQUIRE(peer.wait_for("PATCH /c abcde"));
}

TEST_CASE("a request that comes byte by byte is understood") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  for (char c : std::string("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok")) {
    peer.send({&c, 1});
    f.loop.poll();
  }
  CHECK(peer.wait_for("POST /slow ok"));
}

TEST_CASE("HEAD gives the length but no body") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"));
  REQUIRE(peer.wait_for("GET /next "));
  CHECK(peer.received().find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(peer.received().find("HEAD /h") == std::string::npos);
}

TEST_CASE("204 and 304 have no body and no length") {
  fixture f;
  f.routes["/304"] = [](const http_request&) { return text("ignored", 304); };
  raw_peer peer(f.loop, f.port);
  peer.send(get("/304") + get("/next"));
  REQUIRE(peer.wait_for("GET /next "));
  CHECK(peer.received().find("ignored") == std::string::npos);
  auto first = peer.received().substr(0, peer.received().find("\r\n\r\n"));
  CHECK(first.find("Content-Length") == std::string::npos);
}

TEST_CASE("Expect: 100-continue is answered before the body is sent") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send("PUT /e HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  REQUIRE(peer.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  CHECK(f.seen.empty());
  peer.send("data");
  CHECK(peer.wait_for("PUT /e data"));
}

TEST_CASE("an expectation that is not understood is refused with 417") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send("PUT /e HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: tea\r\n\r\n");
  REQUIRE(peer.wait_for_end());
  CHECK(status_line(peer.received()) == "HTTP/1.1 417 Expectation Failed");
}

TEST_CASE("wrong requests get 400 and never reach the handler") {
  fixture f;
  for (const char* bad :
       {"nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/3.9\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nbad field\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "GET nothing HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01 hello TLS\r\n\r\n"}) {
    CAPTURE(bad);
    raw_peer peer(f.loop, f.port);
    peer.send(bad);
    REQUIRE(peer.wait_for_end());
    CHECK(status_line(peer.received()) == "HTTP/1.1 400 Bad Request");
    CHECK(peer.received().find("Connection: close") != std::string::npos);
  }
  CHECK(f.seen.empty());
}

TEST_CASE("a header that is too large gets 431, a body that is too large 413") {
  http_server_options options;
  options.max_header_bytes = 4096;
  options.max_body_bytes = 10'000;
  fixture f(options);
  {
    raw_peer peer(f.loop, f.port);
    peer.send_all(get("/", "X: " + std::string(10'000, 'x') + "\r\n"));
    REQUIRE(peer.wait_for_end());
    CHECK(status_line(peer.received()).find("HTTP/1.1 431") == 0);
  }
  {
    raw_peer peer(f.loop, f.port);
    peer.send_all("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10001\r\n\r\n" +
                  std::string(10'001, 'x'));
    REQUIRE(peer.wait_for_end());
    CHECK(status_line(peer.received()) == "HTTP/1.1 413 Payload Too Large");
  }
  {
    raw_peer peer(f.loop, f.port);
    peer.send_all("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  std::string("2711\r\n") + std::string(10'001, 'x') + "\r\n0\r\n\r\n");
    REQUIRE(peer.wait_for_end());
    CHECK(status_line(peer.received()) == "HTTP/1.1 413 Payload Too Large");
  }
  CHECK(f.seen.empty());
}

TEST_CASE("a body that is too large is refused before a waiting client sends it") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(
      "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
  REQUIRE(peer.wait_for("413 Payload Too Large"));
  CHECK(peer.received().find("100 Continue") == std::string::npos);
}

TEST_CASE("a peer that stops in the middle of a request gets 408, a silent one is closed") {
  http_server_options options;
  options.idle_limit = 150ms;
  fixture f(options);
  raw_peer slow(f.loop, f.port), silent(f.loop, f.port), late_body(f.loop, f.port);
  slow.send("GET / HTTP/1.1\r\nHo");
  late_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
  REQUIRE(slow.wait_for_end());
  REQUIRE(silent.wait_for_end());
  REQUIRE(late_body.wait_for_end());
  CHECK(status_line(slow.received()) == "HTTP/1.1 408 Request Timeout");
  CHECK(status_line(late_body.received()) == "HTTP/1.1 408 Request Timeout");
  CHECK(silent.received().empty());
}

TEST_CASE("a peer that does not read its answer is cut off and hurts nobody else") {
  http_server_options options;
  options.idle_limit = 200ms;
  fixture f(options);
  f.routes["/big"] = [](const http_request&) { return text(std::string(64u << 20, 'x')); };
  raw_peer greedy(f.loop, f.port);
  greedy.send(get("/big"));
  REQUIRE(pump(f.loop, [&] { return !f.seen.empty(); }));
  raw_peer other(f.loop, f.port);
  other.send(get("/other"));
  CHECK(other.wait_for("GET /other "));
  auto start = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - start < 600ms) f.loop.run_for(50ms);
  CHECK(greedy.wait_for_end());
  CHECK(greedy.received().size() < (64u << 20));
}

TEST_CASE("a handler that throws costs only its own request") {
  fixture f;
  f.routes["/throw"] = [](const http_request&) -> http_reply { throw std::runtime_error("oops"); };
  raw_peer peer(f.loop, f.port);
  peer.send(get("/throw") + get("/next"));
  REQUIRE(peer.wait_for("GET /next "));
  CHECK(status_line(peer.received()) == "HTTP/1.1 500 Internal Server Error");
}

TEST_CASE("line breaks in a handler's header values cannot forge fields") {
  fixture f;
  f.routes["/"] = [](const http_request&) {
    auto out = text("x");
    out.headers.set("X-Bad", "a\r\nSet-Cookie: b");
    out.headers.set("Content-Length", "99");
    return out;
  };
  raw_peer peer(f.loop, f.port);
  peer.send(get("/"));
  REQUIRE(peer.wait_for("\r\n\r\nx"));
  CHECK(peer.received().find("Set-Cookie") == std::string::npos);
  CHECK(peer.received().find("Content-Length: 1\r\n") != std::string::npos);
  CHECK(peer.received().find("99") == std::string::npos);
}

TEST_CASE("HTTP/1.0 closes after the answer unless it asks to keep the connection") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send("GET /old HTTP/1.0\r\n\r\n");
  REQUIRE(peer.wait_for_end());
  CHECK(peer.received().find("GET /old ") != std::string::npos);
  raw_peer keeper(f.loop, f.port);
  keeper.send("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(keeper.wait_for("GET /old "));
  CHECK(keeper.received().find("Connection: keep-alive") != std::string::npos);
}

TEST_CASE("Connection: close is honoured") {
  fixture f;
  raw_peer peer(f.loop, f.port);
  peer.send(get("/c", "Connection: close\r\n"));
  REQUIRE(peer.wait_for_end());
  CHECK(peer.received().find("GET /c ") != std::string::npos);
}

TEST_CASE("an answer may come later, and only the first one counts") {
  fixture f;
  std::function<void(http_response)> later;
  f.routes["/later"] = [&](const http_request&) {
    return deferred_reply{
        [&](std::function<void(http_response)> reply) { later = std::move(reply); }};
  };
  raw_peer peer(f.loop, f.port);
  peer.send(get("/later") + get("/next"));
  REQUIRE(pump(f.loop, [&] { return static_cast<bool>(later); }));
  f.loop.run_for(20ms);
  CHECK(peer.received().empty());
  later(text("first"));
  later(text("second"));
  REQUIRE(peer.wait_for("GET /next "));
  CHECK(peer.received().find("first") != std::string::npos);
  CHECK(peer.received().find("second") == std::string::npos);
}

TEST_CASE("a later answer still reaches a peer that has shut down its sending side") {
  fixture f;
  std::function<void(http_response)> later;
  f.routes["/later"] = [&](const http_request&) {
    return deferred_reply{
        [&](std::function<void(http_response)> reply) { later = std::move(reply); }};
  };
  raw_peer peer(f.loop, f.port);
  peer.send(get("/later"));
  peer.shut_down_sending();
  REQUIRE(pump(f.loop, [&] { return static_cast<bool>(later); }));
  f.loop.run_for(20ms);
  later(text("finally"));
  CHECK(peer.wait_for("finally"));
  CHECK(peer.wait_for_end());
}

TEST_CASE("a later answer that is dropped becomes 500; one to a gone peer or server does nothing") {
  std::function<void(http_response)> later;
  {
    fixture f;
    f.routes["/drop"] = [&](const http_request&) {
      return deferred_reply{[](std::function<void(http_response)>) {}};
    };
    f.routes["/later"] = [&](const http_request&) {
      return deferred_reply{
          [&](std::function<void(http_response)> reply) { later = std::move(reply); }};
    };
    raw_peer peer(f.loop, f.port);
    peer.send(get("/drop"));
    REQUIRE(peer.wait_for("500 Internal Server Error"));
    peer.send(get("/later"));
    REQUIRE(pump(f.loop, [&] { return static_cast<bool>(later); }));
  }
  later(text("too late"));
}

TEST_CASE("at the connection limit the longest idle connection makes room") {
  http_server_options options;
  options.max_connections = 2;
  fixture f(options);
  raw_peer first(f.loop, f.port), second(f.loop, f.port);
  first.send(get("/1"));
  REQUIRE(first.wait_for("GET /1"));
  f.loop.run_for(5ms);
  second.send(get("/2"));
  REQUIRE(second.wait_for("GET /2"));
  raw_peer third(f.loop, f.port);
  third.send(get("/3"));
  CHECK(third.wait_for("GET /3"));
  CHECK(first.wait_for_end());
  CHECK_FALSE(second.ended());
}

TEST_CASE("destroying the server closes its connections and its port") {
  io_loop loop;
  auto server = std::make_unique<http_server>(loop, [](const http_request&) { return text("x"); });
  auto port = server->listen();
  REQUIRE(port.ok());
  raw_peer peer(loop, *port);
  peer.send(get("/"));
  REQUIRE(peer.wait_for("\r\n\r\nx"));
  server.reset();
  CHECK(peer.wait_for_end());
  raw_peer late(loop, *port);
  CHECK_FALSE(late.connected());
}

TEST_CASE("a server may outlive its loop, and a handler may destroy its server") {
  std::unique_ptr<http_server> server;
  {
    io_loop loop;
    server = std::make_unique<http_server>(loop, [&](const http_request&) -> http_reply {
      server.reset();
      return text("x");
    });
    auto port = server->listen();
    REQUIRE(port.ok());
    raw_peer peer(loop, *port);
    peer.send(get("/"));
    CHECK(peer.wait_for_end());
    CHECK_FALSE(server);
    server = std::make_unique<http_server>(loop, [](const http_request&) { return text("x"); });
    REQUIRE(server->listen().ok());
  }
  server.reset();
}

TEST_CASE("a listening socket made elsewhere is adopted; anything else is refused") {
  fixture f;
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0);
  REQUIRE(::listen(fd, 8) == 0);
  socklen_t size = sizeof here;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size);
  REQUIRE(f.server.adopt_listener(fd).ok());
  raw_peer peer(f.loop, ntohs(here.sin_port));
  peer.send(get("/adopted"));
  CHECK(peer.wait_for("GET /adopted "));
  int not_listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_FALSE(f.server.adopt_listener(not_listening).ok());
  CHECK_FALSE(f.server.adopt_listener(-1).ok());
}

TEST_CASE("a port in use is a failure that names it") {
  fixture f;
  io_loop loop;
  http_server second(loop, [](const http_request&) { return text("x"); });
  auto taken = second.listen(f.port);
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.why().what.find(std::to_string(f.port)) != std::string::npos);
}

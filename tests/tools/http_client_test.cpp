#include "tools/http_client.hpp"

#include "tests/tools/pump.hpp"
#include "tools/http_server.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace remed;
using namespace remed::tools;
using namespace std::chrono_literals;
using remed::test::pump;

namespace {

struct fixture {
  fixture() : server(loop, [this](const http_request& r) { return handle(r); }) {
    auto listening = server.listen();
    REQUIRE(listening.ok());
    base = "http://127.0.0.1:" + std::to_string(*listening);
  }
  http_reply handle(const http_request& r) {
    peers.push_back(r.peer);
    last = r;
    if (r.path == "/never") return deferred_reply{[this](auto reply) { parked.push_back(reply); }};
    if (r.path == "/stream")
      return stream_reply{
          200, {}, [this](std::shared_ptr<http_stream> s) { stream = std::move(s); }};
    http_response out;
    out.status = r.path == "/missing" ? 404 : 200;
    out.body =
        r.path == "/big" ? std::string(2u << 20, 'b') : r.method + ' ' + r.target + ' ' + r.body;
    out.headers.set("X-Answer", "yes");
    return out;
  }
  result<http_response> send(http_call call) {
    std::optional<result<http_response>> end;
    auto handle = http_send(loop, std::move(call),
                            [&](result<http_response> r) { end.emplace(std::move(r)); });
    CHECK_FALSE(end.has_value()); // never from inside http_send
    REQUIRE(pump(loop, [&] { return end.has_value(); }));
    return *end;
  }
  http_call to(const std::string& path) {
    http_call call;
    call.url = base + path;
    return call;
  }

  io_loop loop;
  std::vector<std::string> peers;
  http_request last;
  std::vector<std::function<void(http_response)>> parked;
  std::shared_ptr<http_stream> stream;
  http_server server;
  std::string base;
};

} // namespace

TEST_CASE("a call brings back status, headers and body") {
  fixture f;
  auto call = f.to("/a?b=c%20d");
  call.method = "POST";
  call.headers.set("Authorization", "Bearer t");
  call.body = std::string("content");
  auto r = f.send(call);
  REQUIRE(r.ok());
  CHECK(r->status == 200);
  CHECK(r->body == "POST /a?b=c%20d content");
  CHECK(r->headers.get("x-answer") == "yes");
  CHECK(f.last.bearer_token() == "t");
  CHECK(f.last.headers.get("accept-encoding") == "identity");
  CHECK(f.last.headers.get("host") == f.base.substr(7));
}

TEST_CASE("any status is an answer, HEAD has no body") {
  fixture f;
  auto r = f.send(f.to("/missing"));
  REQUIRE(r.ok());
  CHECK(r->status == 404);
  auto call = f.to("/x");
  call.method = "HEAD";
  auto head = f.send(call);
  REQUIRE(head.ok());
  CHECK(head->body.empty());
}

TEST_CASE("connections are reused, also when the peer closed one meanwhile") {
  fixture f;
  REQUIRE(f.send(f.to("/1")).ok());
  REQUIRE(f.send(f.to("/2")).ok());
  CHECK(f.peers[0] == f.peers[1]);
  f.server.close();
  auto port = static_cast<std::uint16_t>(std::stoi(f.base.substr(f.base.rfind(':') + 1)));
  REQUIRE(f.server.listen(port).ok());
  REQUIRE(f.send(f.to("/3")).ok());
  CHECK(f.peers[2] != f.peers[1]);
}

TEST_CASE("pieces of a streamed body arrive before its end") {
  fixture f;
  std::string heard;
  auto call = f.to("/stream");
  call.on_data = [&](std::string_view piece) { heard += piece; };
  std::optional<result<http_response>> end;
  auto handle = http_send(f.loop, call, [&](auto r) { end.emplace(std::move(r)); });
  REQUIRE(pump(f.loop, [&] { return f.stream != nullptr; }));
  f.stream->write("one");
  REQUIRE(pump(f.loop, [&] { return heard == "one"; }));
  CHECK_FALSE(end.has_value());
  f.stream->write("two");
  f.stream->end();
  REQUIRE(pump(f.loop, [&] { return end.has_value(); }));
  CHECK(heard == "onetwo");
  CHECK((*end)->body.empty());
}

TEST_CASE("on_data gets no piece of an error's body") {
  fixture f;
  auto call = f.to("/missing");
  std::string heard;
  call.on_data = [&](std::string_view piece) { heard += piece; };
  auto r = f.send(call);
  REQUIRE(r.ok());
  CHECK(heard.empty());
  CHECK(r->body.find("/missing") != std::string::npos);
}

TEST_CASE("dropping the handle cancels without a call, also from inside on_data") {
  fixture f;
  bool called = false;
  auto handle = http_send(f.loop, f.to("/never"), [&](auto) { called = true; });
  REQUIRE(pump(f.loop, [&] { return !f.parked.empty(); }));
  handle.reset();
  auto call = f.to("/stream");
  call.on_data = [&](std::string_view) { handle.reset(); };
  handle = http_send(f.loop, call, [&](auto) { called = true; });
  REQUIRE(pump(f.loop, [&] { return f.stream != nullptr; }));
  f.stream->write("x");
  CHECK(pump(f.loop, [&] { return !handle && f.stream->closed(); }));
  CHECK_FALSE(called);
}

TEST_CASE("silence ends with timed_out after the idle limit, and after the total limit") {
  fixture f;
  auto idle = f.to("/never");
  idle.idle_limit = 60ms;
  auto r = f.send(idle);
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::timed_out);
  CHECK(r.why().what.find("/never") != std::string::npos);
  auto total = f.to("/never");
  total.total_limit = 60ms;
  auto t = f.send(total);
  REQUIRE_FALSE(t.ok());
  CHECK(t.why().code == errc::timed_out);
  CHECK(t.why().what.find("total") != std::string::npos);
}

TEST_CASE("pieces that keep coming do not run into the idle limit") {
  fixture f;
  auto call = f.to("/stream");
  call.idle_limit = 400ms;
  std::optional<result<http_response>> end;
  auto handle = http_send(f.loop, call, [&](auto r) { end.emplace(std::move(r)); });
  REQUIRE(pump(f.loop, [&] { return f.stream != nullptr; }));
  for (int i = 0; i < 6; ++i) {
    f.stream->write("x");
    pump(
        f.loop, [] { return false; }, 100ms);
  }
  f.stream->end();
  REQUIRE(pump(f.loop, [&] { return end.has_value(); }));
  REQUIRE(end->ok());
  CHECK((*end)->body == "xxxxxx");
}

TEST_CASE("nobody listening is unreachable") {
  fixture f;
  f.server.close();
  auto r = f.send(f.to("/"));
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::unreachable);
}

TEST_CASE("an answer cut off in the middle is a failure") {
  fixture f;
  std::optional<result<http_response>> end;
  auto handle = http_send(f.loop, f.to("/stream"), [&](auto r) { end.emplace(std::move(r)); });
  REQUIRE(pump(f.loop, [&] { return f.stream != nullptr; }));
  f.stream->write("half");
  f.loop.run_for(20ms);
  f.server.close();
  REQUIRE(pump(f.loop, [&] { return end.has_value(); }));
  REQUIRE_FALSE(end->ok());
  CHECK(end->why().code == errc::unreachable);
}

TEST_CASE("an answer beyond the limit is refused") {
  fixture f;
  auto call = f.to("/big");
  CHECK(f.send(call).ok());
  call.max_body_bytes = 1u << 20;
  auto r = f.send(call);
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().what.find("1048576") != std::string::npos);
}

TEST_CASE("bad addresses and header values are refused before anything is sent") {
  fixture f;
  auto call = f.to("/");
  call.headers.set("X", "a\r\nY: b");
  CHECK(f.send(call).why().code == errc::bad_input);
  call = f.to("/");
  call.url = "gopher://x/";
  CHECK(f.send(call).why().code == errc::bad_input);
  CHECK(f.peers.empty());
}

TEST_CASE("a handle may outlive the loop") {
  http_call_handle handle;
  {
    fixture f;
    handle = http_send(f.loop, f.to("/never"), [](auto) {});
    REQUIRE(pump(f.loop, [&] { return !f.parked.empty(); }));
  }
  handle.reset();
}

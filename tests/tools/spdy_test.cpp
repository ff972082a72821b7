#include "tools/spdy.hpp"

#include "tools/spdy/headers.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace remed;
using namespace remed::tools;

namespace {

std::string word(std::uint32_t n) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((n >> shift) & 0xff);
  return out;
}

std::string control(unsigned type, const std::string& body, unsigned flags = 0) {
  return word(0x80030000u | type) + word(flags << 24 | static_cast<std::uint32_t>(body.size())) +
         body;
}

std::string data(std::uint32_t id, const std::string& body, bool last = false) {
  return word(id) + word((last ? 1u << 24 : 0u) | static_cast<std::uint32_t>(body.size())) + body;
}

/// A client and the server under test, joined by strings.
struct pair {
  explicit pair(spdy_limits limits = {}) {
    spdy_connection::listener to;
    to.opened = [this](auto id, const http_headers& h) {
      events.push_back("open " + std::to_string(id) + " " + std::string(h.get("streamType")));
    };
    to.data = [this](auto id, std::string_view d) {
      events.push_back("data " + std::to_string(id) + " " + std::string(d));
    };
    to.ended = [this](auto id, bool reset) {
      events.push_back((reset ? "reset " : "end ") + std::to_string(id));
    };
    server = std::make_unique<spdy_connection>([this](std::string b) { sent += b; }, to, limits);
  }
  std::string open(std::uint32_t id, const std::string& type) {
    http_headers h;
    h.add("streamtype", type);
    return control(1, word(id) + word(0) + std::string(2, '\0') + deflater.block(h));
  }

  spdy_deflater deflater;
  std::vector<std::string> events;
  std::string sent;
  std::unique_ptr<spdy_connection> server;
};

} // namespace

TEST_CASE("the dictionary of SPDY/3 has its known checksum") {
  CHECK(spdy_dictionary().size() == 1423);
  unsigned a = 1, b = 0;
  for (unsigned char c : spdy_dictionary()) {
    a = (a + c) % 65521;
    b = (b + a) % 65521;
  }
  CHECK((b << 16 | a) == 0xe3c6a7c2u);
}

TEST_CASE("SPDY streams open, carry data both ways and half-close, whatever the portions") {
  pair p;
  auto bytes = p.open(1, "error"); // the order of compression is the order of sending
  bytes += p.open(3, "data");
  bytes += data(3, "hello") + data(3, "", true) + data(1, "bye", true);
  for (char c : bytes) REQUIRE(p.server->receive(std::string(1, c)).ok());
  CHECK(p.events == std::vector<std::string>{"open 1 error", "open 3 data", "data 3 hello", "end 3",
                                             "data 1 bye", "end 1"});
  CHECK(p.sent.substr(0, 4) == word(0x80030002u)); // SYN_REPLY
  CHECK(p.sent.substr(8, 4) == word(1));
  p.sent.clear();
  p.server->send(3, std::string(40'000, 'x'));
  CHECK(p.sent.size() == 40'000 + 2 * 8); // two frames
  p.server->finish(3);
  CHECK(p.server->open_streams() == 1);
  p.sent.clear();
  p.server->send(3, "late");
  CHECK(p.sent.empty());
}

TEST_CASE("header blocks share one compression state and survive a round trip") {
  spdy_deflater out;
  spdy_inflater in;
  for (int i = 0; i < 3; ++i) {
    http_headers h;
    h.add("port", std::to_string(8080 + i));
    h.add("requestid", std::to_string(i));
    auto got = in.headers(out.block(h));
    REQUIRE(got.ok());
    CHECK(got->get("port") == std::to_string(8080 + i));
  }
  CHECK_FALSE(in.headers("nonsense").ok());
}

TEST_CASE("a header block that unpacks to a flood is refused") {
  spdy_deflater out;
  spdy_inflater in;
  http_headers h;
  h.add("a", std::string(200'000, 'a'));
  CHECK_FALSE(in.headers(out.block(h)).ok());
}

TEST_CASE("a ping is answered with itself and a reset ends the stream") {
  pair p;
  REQUIRE(p.server->receive(control(6, word(7))).ok());
  CHECK(p.sent == control(6, word(7)));
  REQUIRE(p.server->receive(p.open(1, "data") + control(3, word(1) + word(5))).ok());
  CHECK(p.events.back() == "reset 1");
  CHECK(p.server->open_streams() == 0);
}

TEST_CASE("what breaks SPDY's rules ends the connection with a GOAWAY") {
  const std::string large = word(1) + word(0x00ffffffu);
  const std::string other_version = word(0x80020001u) + word(0);
  for (const auto& bad : {large, other_version, control(1, "short"), control(6, "x")}) {
    pair p;
    CHECK_FALSE(p.server->receive(bad).ok());
    CHECK(p.sent.substr(0, 4) == word(0x80030007u));
    CHECK_FALSE(p.server->receive("more").ok());
  }
  pair even;
  CHECK_FALSE(even.server->receive(even.open(2, "data")).ok());
  pair again;
  REQUIRE(again.server->receive(again.open(3, "data")).ok());
  CHECK_FALSE(again.server->receive(again.open(1, "data")).ok());
}

TEST_CASE("more streams than allowed are refused one by one") {
  spdy_limits limits;
  limits.streams = 2;
  pair p(limits);
  for (std::uint32_t id : {1, 3, 5}) REQUIRE(p.server->receive(p.open(id, "data")).ok());
  CHECK(p.events.size() == 2);
  CHECK(p.sent.substr(p.sent.size() - 16) == control(3, word(5) + word(3)));
}

#include "tools/http_exchange.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::tools;

TEST_CASE("requests are read from any portions of bytes, bodies and pipelines included") {
  http_reader reader;
  const std::string bytes =
      "GET /a%20b?x=1 HTTP/1.1\r\nHost: h\r\n\r\n"
      "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
  std::vector<http_request> got;
  for (char c : bytes) {
    auto more = reader.receive(std::string(1, c));
    REQUIRE(more.ok());
    for (auto& r : *more) got.push_back(std::move(r));
  }
  REQUIRE(got.size() == 2);
  CHECK(got[0].path == "/a b");
  CHECK(got[0].query.get("x") == "1");
  CHECK(got[1].body == "abc");
  CHECK(got[1].headers.get("Connection") == "close");
  auto both = http_reader{}.receive(bytes);
  REQUIRE(both.ok());
  CHECK(both->size() == 2);
}

TEST_CASE("what is not HTTP is said to be so") {
  CHECK_FALSE(http_reader{}.receive("\x16\x03\x01 hello\r\n\r\n").ok());
  CHECK_FALSE(
      http_reader{}.receive("GET / HTTP/1.1\r\nA: " + std::string(70'000, 'a') + "\r\n\r\n").ok());
}

TEST_CASE("an answer has its length, and a HEAD's no body") {
  http_response r;
  r.headers.set("Content-Type", "text/plain");
  r.body = "hi\n";
  CHECK(http_text(r, true) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nhi\n");
  auto head = http_text(r, false, true);
  CHECK(head.find("Content-Length: 3\r\nConnection: close\r\n\r\n") != std::string::npos);
  CHECK(head.find("hi") == std::string::npos);
}

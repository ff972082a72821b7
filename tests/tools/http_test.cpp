#include "tools/http.hpp"

#include "tools/url.hpp"

#include <doctest/doctest.h>

using namespace remed::tools;

TEST_CASE("header names compare without case and set replaces all of a name") {
  http_headers headers;
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  headers.add("B", "3");
  CHECK(headers.get("x-A") == "1");
  headers.set("X-a", "4");
  CHECK(headers.all().size() == 2);
  CHECK(headers.get("x-a") == "4");
  CHECK(headers.has("b"));
  CHECK_FALSE(headers.has("c"));
  CHECK(headers.get("c").empty());
}

TEST_CASE("query parameters are decoded, keep their order and may repeat") {
  auto q =
      query_params::parse("labelSelector=app%3Dx%2Ctier+in+%28a%29&command=sh&command=-c&watch&x=");
  CHECK(q.get("labelSelector") == "app=x,tier in (a)");
  CHECK(q.all("command") == std::vector<std::string>{"sh", "-c"});
  CHECK(q.flag("watch"));
  CHECK(q.has("x"));
  CHECK(q.get("y", "otherwise") == "otherwise");
  CHECK_FALSE(q.flag("y"));
  CHECK(query_params::parse("a=True").flag("a"));
  CHECK_FALSE(query_params::parse("a=false").flag("a"));
  CHECK(query_params::parse("").items().empty());
  CHECK(query_params::parse("&&a=1&").items().size() == 1);
}

TEST_CASE("encoding and decoding of query parameters are inverse") {
  query_params q;
  q.add("a b", "x=y&z+ü/%");
  auto again = query_params::parse(q.encode());
  CHECK(again.get("a b") == "x=y&z+ü/%");
}

TEST_CASE("percent decoding leaves what is no escape as it is") {
  CHECK(percent_decode("a%2Fb") == "a/b");
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("100%") == "100%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%zz") == "%zz");
  CHECK(percent_decode("%41") == "A");
  CHECK(percent_decode("x%41") == "xA");
}

TEST_CASE("the bearer token is taken from the Authorization field") {
  http_request request;
  CHECK(request.bearer_token().empty());
  request.headers.set("authorization", "bearer  abc");
  CHECK(request.bearer_token() == "abc");
  request.headers.set("authorization", "Basic abc");
  CHECK(request.bearer_token().empty());
}

TEST_CASE("an address is taken apart, a bad one is refused with a reason") {
  auto u = url::parse("https://example.org/v1?x=1#part");
  REQUIRE(u.ok());
  CHECK(u->secure);
  CHECK(u->port == 443);
  CHECK(u->host == "example.org");
  CHECK(u->target == "/v1?x=1");
  CHECK(u->authority() == "example.org");
  auto v6 = url::parse("http://[::1]:8080");
  REQUIRE(v6.ok());
  CHECK(v6->host == "::1");
  CHECK(v6->authority() == "[::1]:8080");
  CHECK(v6->target == "/");
  for (const char* bad :
       {"ftp://x", "x", "", "http://", "http://a:99999/", "http://a:x/", "http://a b/",
        "http://u:p@h/", "http://[::1/", "http://h/\r\nX: y", "http://h:0/"}) {
    CAPTURE(bad);
    CHECK_FALSE(url::parse(bad).ok());
  }
}

#include "environments/embedded/kept_text.hpp"

#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using remed::env::test::api_world;
using remed::env::test::config_map;
using remed::env::test::maps;

namespace {

/// A request as it comes over a connection, whose answer is put together from kept texts.
std::string fetch(api_world& w, const std::string& url, const std::string& accept = "*/*") {
  tools::http_request request;
  auto mark = url.find('?');
  request.path = url.substr(0, mark);
  if (mark != std::string::npos) request.query = tools::query_params::parse(url.substr(mark + 1));
  request.headers.set("Accept", accept);
  request.peer = "127.0.0.1:1";
  return w.api->call(w.admin, std::move(request)).body;
}

} // namespace

TEST_CASE("an object's text is its members without its type, kept with the object") {
  auto obj = make_object({{"kind", "A"}, {"apiVersion", "v1"}, {"b", {1, 2}}, {"a", "x\"\xff"}});
  std::string text;
  append_members(obj, true, text);
  CHECK(text == R"("a":"x\")" + std::string("\xef\xbf\xbd") + R"(","b":[1,2])");
  std::string again;
  append_members(obj, true, again);
  CHECK(again == text);
  std::string other;
  append_members(std::make_shared<const json>(json{{"b", 1}}), true, other);
  CHECK(other == "\"b\":1");
}

TEST_CASE("answers from kept texts say what answers from objects say") {
  api_world w;
  for (const auto* name : {"one", "two", "three"}) w.post(maps, config_map(name, {{"k", name}}));
  for (int twice = 0; twice < 2; ++twice) {
    auto got = json::parse(fetch(w, maps + "/one"));
    CHECK(got == *w.c->objects().get("configmaps", {"sem", "one"}));
    auto listed = json::parse(fetch(w, maps + "?limit=2"));
    auto pretty = json::parse(fetch(w, maps + "?limit=2&pretty=true"));
    CHECK(listed == pretty);
    CHECK(listed["items"].size() == 2);
    CHECK_FALSE(listed["items"][0].contains("kind"));
    CHECK(listed["metadata"]["remainingItemCount"] == 1);
  }
  auto none = json::parse(fetch(w, "/api/v1/namespaces/empty/configmaps"));
  CHECK(none["items"] == json::array());
  CHECK(none["kind"] == "ConfigMapList");
}

TEST_CASE("a changed object has a new text, and an old watch event keeps the old one") {
  api_world w;
  w.post(maps, config_map("one", {{"k", "before"}}));
  CHECK(fetch(w, maps + "/one").find("before") != std::string::npos);
  auto since = std::to_string(w.c->objects().revision());
  w.patch(maps + "/one", {{"data", {{"k", "after"}}}});
  w.remove(maps + "/one");
  auto events = fetch(w, maps + "?watch=true&resourceVersion=" + since);
  CHECK(events.find("\"type\":\"MODIFIED\"") != std::string::npos);
  CHECK(events.find("after") != std::string::npos);
  CHECK(events.find("before") == std::string::npos);
  CHECK(events.find("\"type\":\"DELETED\"") != std::string::npos);
}

TEST_CASE("other versions of an object are not its kept text") {
  api_world w;
  w.post("/apis/autoscaling/v2/namespaces/sem/horizontalpodautoscalers",
         {{"metadata", {{"name", "web"}}},
          {"spec",
           {{"maxReplicas", 3},
            {"scaleTargetRef",
             {{"kind", "Deployment"}, {"name", "web"}, {"apiVersion", "apps/v1"}}}}}});
  auto path = std::string("/namespaces/sem/horizontalpodautoscalers/web");
  CHECK(json::parse(fetch(w, "/apis/autoscaling/v2" + path))["apiVersion"] == "autoscaling/v2");
  auto old = json::parse(fetch(w, "/apis/autoscaling/v1" + path));
  CHECK(old["apiVersion"] == "autoscaling/v1");
  CHECK_FALSE(old["spec"].contains("metrics"));
}

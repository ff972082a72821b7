#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace remed::env::test;

namespace {

class test_stream final : public tools::http_stream {
public:
  std::vector<json> events;
  bool over = false;
  std::size_t backlog = 0;
  void write(std::string chunk) override { events.push_back(json::parse(chunk, nullptr, false)); }
  void end() override { over = true; }
  std::size_t pending() const override { return backlog; }
  bool closed() const override { return over; }
  void on_close(std::function<void()>) override {}
};

std::shared_ptr<test_stream> watch(api_world& w, const std::string& query,
                                   const std::string& accept = "application/json") {
  tools::http_request request;
  request.path = maps;
  request.query = tools::query_params::parse("watch=true&" + query);
  request.headers.set("Accept", accept);
  request.headers.set("Authorization", "Bearer admin-token");
  w.api->add_identity(w.admin);
  auto reply = w.api->handle(request);
  auto* stream = std::get_if<tools::stream_reply>(&reply);
  REQUIRE(stream);
  auto sink = std::make_shared<test_stream>();
  stream->start(sink);
  return sink;
}

} // namespace

TEST_CASE("a watch without version starts with what is there and follows changes") {
  api_world w;
  w.post(maps, config_map("a"));
  auto seen = watch(w, "");
  REQUIRE(seen->events.size() == 1);
  CHECK(seen->events[0]["type"] == "ADDED");
  w.patch(maps + "/a", {{"data", {{"k", "v"}}}});
  w.remove(maps + "/a");
  REQUIRE(seen->events.size() == 3);
  CHECK(seen->events[1]["type"] == "MODIFIED");
  CHECK(seen->events[2]["type"] == "DELETED");
}

TEST_CASE("a watch from a version sends only what came after") {
  api_world w;
  auto made = w.post(maps, config_map("a")).body;
  w.post(maps, config_map("b"));
  auto seen = watch(w, "resourceVersion=" + made["metadata"]["resourceVersion"].get<std::string>());
  w.api->pump();
  REQUIRE(seen->events.size() == 1);
  CHECK(seen->events[0]["object"]["metadata"]["name"] == "b");
}

TEST_CASE("an object that leaves or enters the selector is deleted or added") {
  api_world w;
  w.post(maps, config_map("a"));
  auto seen = watch(w, "labelSelector=x%3D1");
  CHECK(seen->events.empty());
  w.patch(maps + "/a", {{"metadata", {{"labels", {{"x", "1"}}}}}});
  w.patch(maps + "/a", {{"metadata", {{"labels", {{"x", "2"}}}}}});
  REQUIRE(seen->events.size() == 2);
  CHECK(seen->events[0]["type"] == "ADDED");
  CHECK(seen->events[1]["type"] == "DELETED");
}

TEST_CASE("initial events end with a marked bookmark, and need a version match") {
  api_world w;
  w.post(maps, config_map("a"));
  auto seen =
      watch(w, "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
  REQUIRE(seen->events.size() == 2);
  CHECK(seen->events[1]["type"] == "BOOKMARK");
  CHECK(seen->events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] ==
        "true");
  auto refused = w.get(maps + "?watch=true&sendInitialEvents=true");
  CHECK(refused.status == 422);
  CHECK(
      refused.message() ==
      "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents "
      "requires setting resourceVersionMatch to NotOlderThan");
}

TEST_CASE("a version that is no longer kept ends the watch with 410") {
  api_world w;
  for (std::size_t i = 0; i < store::history_limit + 5; ++i) {
    w.c->put("configmaps", {{"metadata", {{"name", "z"}, {"namespace", "sem"}}},
                            {"data", {{"i", std::to_string(i)}}}});
  }
  auto seen = watch(w, "resourceVersion=1");
  REQUIRE(seen->events.size() == 1);
  CHECK(seen->events[0]["type"] == "ERROR");
  CHECK(seen->events[0]["object"]["code"] == 410);
  CHECK(seen->events[0]["object"]["message"].get<std::string>().find(
            "too old resource version: 1 (") == 0);
  CHECK(seen->over);
}

TEST_CASE("table watches send the columns once") {
  api_world w;
  w.post(maps, config_map("a"));
  w.post(maps, config_map("b"));
  auto seen = watch(w, "", "application/json;as=Table;v=v1;g=meta.k8s.io");
  REQUIRE(seen->events.size() == 2);
  CHECK(seen->events[0]["object"]["columnDefinitions"].size() == 3);
  CHECK(seen->events[1]["object"]["columnDefinitions"].is_null());
  CHECK(seen->events[1]["object"]["rows"][0]["cells"][0] == "b");
}

TEST_CASE("a watch ends at its time limit, and a slow reader is dropped") {
  api_world w;
  auto brief = watch(w, "timeoutSeconds=5");
  auto slow = watch(w, "");
  w.c->advance_to(w.c->now() + std::chrono::seconds{4});
  w.api->pump();
  CHECK(!brief->over);
  slow->backlog = std::size_t{1} << 30;
  w.c->advance_to(w.c->now() + std::chrono::seconds{2});
  w.api->pump();
  CHECK(brief->over);
  CHECK(slow->over);
}

TEST_CASE("when all readers together are too far behind, the slowest are dropped") {
  api_world w;
  std::vector<std::shared_ptr<test_stream>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(watch(w, ""));
    all.back()->backlog = (std::size_t{8} << 20) - static_cast<std::size_t>(i);
  }
  w.api->pump();
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i]->over == (i < 4));
}

#include "environments/embedded/node/logs.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

std::string log_of(shop& s, const std::string& pod, log_options options = {}) {
  auto text = container_log(*s.c, "shop", pod, "web", options);
  return text ? *text : "failed: " + text.why().what;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("an application logs its start and the health checks it answers, the same every time") {
  shop s, again;
  for (auto* one : {&s, &again}) {
    one->create("pods", pod("one", {web_container()}));
    one->wait(60);
  }
  auto text = log_of(s, "one");
  CHECK(has(text, " * Serving Flask app 'web'\n"));
  CHECK(has(text, "Press CTRL+C to quit\n"));
  CHECK(has(text, "\"GET / HTTP/1.1\" 200 -\n"));
  CHECK(text == log_of(again, "one"));
  log_options last;
  last.tail_lines = 1;
  CHECK(has(text, log_of(s, "one", last)));
  s.wait(30);
  auto later = log_of(s, "one");
  CHECK(later.substr(0, text.size()) == text);
  CHECK(later.size() > text.size());
}

TEST_CASE("an application complains of a service it needs that refuses it") {
  shop s;
  auto system = shop_profile();
  system.services["web"].calls.push_back({"api", 1, 2, true});
  set_system(*s.c, system);
  s.create("services", json::parse(R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name":
    "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}})"));
  s.create("services", json::parse(R"({"apiVersion": "v1", "kind": "Service", "metadata": {"name":
    "api"}, "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]}})"));
  s.create("pods", pod("one", {web_container()}));
  s.wait(60);
  CHECK(has(log_of(s, "one"),
            "ERROR in app: call to api failed: HTTPConnectionPool(host='api'): "
            "Failed to establish a new connection: [Errno 111] Connection "
            "refused\n"));
}

TEST_CASE("the log of the instance before is kept, and its end may be the termination's message") {
  shop s;
  auto one = web_container(false);
  one["terminationMessagePolicy"] = "FallbackToLogsOnError";
  one["resources"]["limits"]["memory"] = "10Mi"; // it needs 20
  s.create("pods", pod("one", {one}));
  s.wait(30);
  log_options previous;
  previous.previous = true;
  CHECK(has(log_of(s, "one", previous), "Serving Flask app"));
  auto status = s.container("one", "web");
  CHECK(text_at(status, {"lastState", "terminated", "reason"}) == "OOMKilled");
  CHECK(has(text_at(status, {"lastState", "terminated", "message"}), "Serving Flask app"));
}

TEST_CASE("the log of a deleted pod ends with its container, however late it is first read") {
  shop soon, late;
  for (auto* one : {&soon, &late}) {
    auto held = pod("one", {web_container()});
    held["metadata"]["finalizers"] = json::array({"example.com/hold"});
    one->create("pods", held);
    one->wait(60);
    delete_object(*one->c, "pods", {"shop", "one"});
    one->wait(40);
  }
  late.wait(300);
  const auto text = log_of(soon, "one");
  CHECK(has(text, "Press CTRL+C to quit\n"));
  CHECK(has(text, "\"GET / HTTP/1.1\" 200 -\n"));
  CHECK(log_of(late, "one") == text);
}

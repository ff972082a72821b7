#include "environments/embedded/cluster_front.hpp"

#include "environments/embedded/controllers/controllers.hpp"
#include "tests/tools/pump.hpp"
#include "tools/http_client.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace remed;
using namespace remed::env;

namespace {

std::shared_ptr<const tools::tls_identity> test_tls() {
  static const auto made = tools::tls_identity::generate();
  return made.ok() ? *made : nullptr;
}

/// One cluster with an administrator whose token is its name, and a ConfigMap named after it.
struct small_cluster {
  explicit small_cluster(const std::string& name)
      : c(std::make_shared<cluster_rules>(), cluster_options{}, stepped_epoch, 7), api(c) {
    api.add_identity({name + "-token", "kubernetes-admin", {"system:masters"}});
    json map = {{"kind", "ConfigMap"},
                {"apiVersion", "v1"},
                {"metadata", {{"name", name}, {"namespace", "default"}}}};
    c.put("configmaps", map);
  }
  cluster c;
  api_server api;
};

tools::http_request ask(const std::string& target, const std::string& token) {
  tools::http_request out;
  out.target = target;
  auto mark = target.find('?');
  out.path = target.substr(0, mark);
  if (mark != std::string::npos) out.query = tools::query_params::parse(target.substr(mark + 1));
  if (!token.empty()) out.headers.set("Authorization", "Bearer " + token);
  return out;
}

struct front_world {
  tools::io_loop loop;
  cluster_front front{loop, test_tls()};
  small_cluster one{"one"}, two{"two"};
  std::shared_ptr<cluster_door> first = *front.open("one", one.api);
  std::shared_ptr<cluster_door> second = *front.open("two", two.api);

  tools::http_response get(const std::string& target, const std::string& token) {
    auto reply = front.handle(ask(target, token));
    return std::get<tools::http_response>(reply);
  }
};

const std::string maps = "/api/v1/namespaces/default/configmaps";

class fake_stream final : public tools::http_stream {
public:
  void write(std::string chunk) override { body += chunk; }
  void end() override { ended = true; }
  std::size_t pending() const override { return 0; }
  bool closed() const override { return ended; }
  void on_close(std::function<void()>) override {}
  std::string body;
  bool ended = false;
};

} // namespace

TEST_CASE("each cluster behind a listener answers under its own path with its own objects") {
  front_world w;
  auto one = w.get("/clusters/one" + maps + "?limit=500", "one-token");
  auto two = w.get("/clusters/two" + maps, "two-token");
  CHECK(one.status == 200);
  CHECK(one.body.find("\"name\":\"one\"") != std::string::npos);
  CHECK(one.body.find("\"name\":\"two\"") == std::string::npos);
  CHECK(two.status == 200);
  CHECK(two.body.find("\"name\":\"two\"") != std::string::npos);
  CHECK(w.get("/clusters/one/version", "one-token").status == 200);
}

TEST_CASE("another cluster's token is nobody's, and an unknown cluster is just not there") {
  front_world w;
  auto foreign = w.get("/clusters/two" + maps, "one-token");
  CHECK(foreign.status == 401);
  CHECK(foreign.body.find("\"reason\":\"Unauthorized\"") != std::string::npos);
  CHECK(w.get("/clusters/two" + maps, "").status == 401);
  for (const auto* path : {"/clusters/three/api/v1", "/clusters/", "/clusters", "/api/v1", "/",
                           "/clusters/one%2Fapi", "/clusters/onetwo/version", "//clusters/one"}) {
    auto absent = w.get(path, "one-token");
    CHECK_MESSAGE(absent.status == 404, path);
    CHECK(absent.body == "404 page not found\n");
  }
}

TEST_CASE("the whole listener can be one cluster's, with others under their paths") {
  front_world w;
  small_cluster root("root");
  auto door = w.front.open("", root.api);
  REQUIRE(door.ok());
  CHECK(w.get(maps + "/root", "root-token").status == 200);
  CHECK(w.get("/clusters/one" + maps + "/one", "one-token").status == 200);
  CHECK(w.get("/clusters/three" + maps, "root-token").status == 404);
}

TEST_CASE("a cluster's id is a label and belongs to one cluster at a time") {
  front_world w;
  for (const auto* id : {"Upper", "a/b", "-a", "a-", "..", "a?b", "a b"}) {
    CHECK_MESSAGE(!w.front.open(id, w.one.api).ok(), id);
  }
  CHECK_FALSE(w.front.open("one", w.two.api).ok());
  w.first.reset();
  CHECK(w.get("/clusters/one" + maps, "one-token").status == 404);
  auto again = w.front.open("one", w.two.api);
  REQUIRE(again.ok());
  CHECK(w.get("/clusters/one" + maps, "two-token").status == 200);
}

TEST_CASE("closing a cluster ends its watches and no other's") {
  front_world w;
  std::array<std::shared_ptr<fake_stream>, 2> seen{std::make_shared<fake_stream>(),
                                                   std::make_shared<fake_stream>()};
  auto first = w.front.handle(ask("/clusters/one" + maps + "?watch=true", "one-token"));
  auto second = w.front.handle(ask("/clusters/two" + maps + "?watch=true", "two-token"));
  auto late = w.front.handle(ask("/clusters/one" + maps + "?watch=true", "one-token"));
  std::get<tools::stream_reply>(first).start(seen[0]);
  std::get<tools::stream_reply>(second).start(seen[1]);
  CHECK(seen[0]->body.find("\"ADDED\"") != std::string::npos);
  w.first.reset();
  CHECK(seen[0]->ended);
  CHECK_FALSE(seen[1]->ended);
  auto never = std::make_shared<fake_stream>();
  std::get<tools::stream_reply>(late).start(never);
  CHECK(never->ended);
  CHECK(never->body.empty());
}

TEST_CASE("hundreds of clusters come and go behind one listener") {
  tools::io_loop loop;
  cluster_front front(loop, test_tls());
  small_cluster prototype("prototype");
  std::vector<std::unique_ptr<cluster>> clusters;
  std::vector<std::unique_ptr<api_server>> servers;
  std::vector<std::shared_ptr<cluster_door>> doors;
  for (int i = 0; i < 300; ++i) {
    const auto id = "c" + std::to_string(i);
    clusters.push_back(prototype.c.fork(static_cast<std::uint64_t>(i)));
    servers.push_back(std::make_unique<api_server>(*clusters.back()));
    servers.back()->add_identity({id, "kubernetes-admin", {"system:masters"}});
    doors.push_back(*front.open(id, *servers.back()));
  }
  auto status = [&](int cluster, int token) {
    auto reply = front.handle(
        ask("/clusters/c" + std::to_string(cluster) + maps, "c" + std::to_string(token)));
    return std::get<tools::http_response>(reply).status;
  };
  for (int i = 0; i < 300; ++i) {
    CHECK(status(i, i) == 200);
    CHECK(status(i, (i + 1) % 300) == 401);
  }
  for (std::size_t i = 0; i < 300; i += 2) doors[i].reset();
  for (int i = 0; i < 300; ++i) CHECK(status(i, i) == (i % 2 == 0 ? 404 : 200));
}

namespace {

/// Sends over TLS as a client does; nothing when no complete answer came.
std::optional<tools::http_response> send(front_world& w, const std::string& method,
                                         const std::string& target, const std::string& token,
                                         std::string body) {
  tools::http_call call;
  call.method = method;
  call.url = w.front.url("") + target;
  call.headers.set("Authorization", "Bearer " + token);
  call.headers.set("Content-Type", "application/json");
  call.body = std::move(body);
  call.ca_pem = w.front.ca_pem();
  std::optional<result<tools::http_response>> answer;
  auto handle = tools::http_send(w.loop, std::move(call), [&](auto r) { answer = std::move(r); });
  test::pump(w.loop, [&] { return answer.has_value(); });
  if (!answer || !*answer) return std::nullopt;
  return std::move(**answer);
}

} // namespace

TEST_CASE("what a cluster refuses is told in Kubernetes' words and hurts no neighbour") {
  front_world w;
  REQUIRE(w.front.listen().ok());
  auto large = send(w, "POST", "/clusters/one" + maps, "one-token", std::string(4u << 20, 'x'));
  REQUIRE(large);
  CHECK(large->status == 413);
  auto told = json::parse(large->body);
  CHECK(told["kind"] == "Status");
  CHECK(told["reason"] == "RequestEntityTooLarge");
  CHECK(told["message"] == "Request entity too large: limit is 3145728");
  auto broken = send(w, "POST", "/clusters/one" + maps, "one-token", "{\"kind\": ");
  REQUIRE(broken);
  CHECK(broken->status == 400);
  CHECK(json::parse(broken->body)["reason"] == "BadRequest");
  auto neighbour = send(w, "GET", "/clusters/two" + maps + "/two", "two-token", "");
  REQUIRE(neighbour);
  CHECK(neighbour->status == 200);
}

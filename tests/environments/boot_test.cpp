#include "environments/embedded/node/program.hpp"
#include "environments/embedded/traffic.hpp"
#include "tests/environments/kubelet_support.hpp"

#include <ctime>

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

TEST_CASE("simple-micro boots to Ready, cheaply, and the same every time") {
  auto system = load_system("simple-micro");
  REQUIRE(system.ok());
  auto before = std::clock();
  auto booted = boot(*system, standard_rules(), {});
  auto cpu_ms = 1000.0 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  REQUIRE_MESSAGE(booted.ok(), (booted.ok() ? "" : booted.why().what));
  auto& c = **booted;
  MESSAGE("boot of simple-micro: " << cpu_ms << " ms CPU, " << seconds(c.now() - stepped_epoch)
                                   << " s virtual");
  for (const auto& d : c.objects().list("deployments.apps")) {
    CHECK(int_at(*d, {"status", "availableReplicas"}) == 1);
  }
  CHECK(c.objects().list("pods", "simple-micro").size() == 2);
  auto again = boot(*system, standard_rules(), {});
  REQUIRE(again.ok());
  CHECK((*again)->now() == c.now());
  CHECK((*again)->objects().revision() == c.objects().revision());
  for (const auto& pod : c.objects().list("pods", "simple-micro")) {
    auto twin = (*again)->objects().get("pods", key_of(*pod));
    REQUIRE(twin);
    CHECK(*twin == *pod);
  }
}

TEST_CASE("a system that cannot get ready is refused with the container's reason") {
  auto system = shop_profile();
  system.manifests.push_back(named_namespace("shop"));
  auto bad = web_container();
  bad["image"] = "nginx:no-such-tag";
  system.manifests.push_back(deployment("web", 1, bad));
  auto booted = boot(system, standard_rules(), {});
  REQUIRE_FALSE(booted.ok());
  CHECK(booted.why().code == errc::timed_out);
  CHECK(booted.why().what.find("deployment web: 0 of 1 available") != std::string::npos);
  CHECK(booted.why().what.find("no-such-tag") != std::string::npos);
}

TEST_CASE("online-boutique boots: its load generator waits for the shop, and users are served") {
  auto system = load_system("online-boutique");
  REQUIRE(system.ok());
  auto booted = boot(*system, standard_rules(), {});
  REQUIRE_MESSAGE(booted.ok(), (booted.ok() ? "" : booted.why().what));
  const auto& c = **booted;
  CHECK(c.objects().list("deployments.apps").size() == 12);
  CHECK(flow_in(c, "online-boutique").users().success > 0.99);
  CHECK(flow_in(c, "online-boutique").users().rps == doctest::Approx(8.6).epsilon(0.1));
}

TEST_CASE("an init container that asks for a service waits for its answer") {
  auto script = remed::json::parse(R"({"command": ["sh", "-c",
    "until wget -qO- \"http://${ADDR}/ready\"; do sleep 2; done"],
    "env": [{"name": "ADDR", "value": "web:8080"}]})");
  auto wanted = awaited_by(script);
  REQUIRE(wanted.has_value());
  CHECK(wanted->host == "web");
  CHECK(wanted->port == 8080);
  CHECK(wanted->path == "/ready");
  CHECK(wanted->again);
  auto probe = remed::json::parse(R"({"command": ["sh", "-c", "nc -z -w 2 db 5432"]})");
  wanted = awaited_by(probe);
  REQUIRE(wanted.has_value());
  CHECK(wanted->host == "db");
  CHECK(wanted->port == 5432);
  CHECK_FALSE(wanted->again);
  CHECK_FALSE(awaited_by(remed::json::parse(R"({"command": ["sleep", "5"]})")).has_value());
}

TEST_CASE("train-ticket boots with its registry and databases, and its users are served") {
  auto system = load_system("train-ticket");
  REQUIRE(system.ok());
  auto before = std::clock();
  auto booted = boot(*system, standard_rules(), {});
  auto cpu_ms = 1000.0 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  REQUIRE_MESSAGE(booted.ok(), (booted.ok() ? "" : booted.why().what));
  const auto& c = **booted;
  MESSAGE("boot of train-ticket: " << cpu_ms << " ms CPU, " << seconds(c.now() - stepped_epoch)
                                   << " s virtual");
  CHECK(c.objects().list("deployments.apps").size() == 47);
  CHECK(c.objects().list("statefulsets.apps", "train-ticket").size() == 3);
  CHECK(c.objects().get("pods", {"train-ticket", "nacosdb-mysql-2"}) != nullptr);
  const auto& flow = flow_in(c, "train-ticket").users();
  CHECK(flow.success > 0.99);
  CHECK(flow.rps == doctest::Approx(1).epsilon(0.1));
}

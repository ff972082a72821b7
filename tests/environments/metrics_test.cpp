#include "environments/embedded/metrics.hpp"

#include "tests/environments/small_world.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using test::small_world;

namespace {

double cpu_of(const json& items, const std::string& pod, std::size_t container = 0) {
  for (const auto& item : items) {
    if (item["metadata"]["name"] != pod) continue;
    auto text = item["containers"][container]["usage"]["cpu"].get<std::string>();
    CHECK(text.back() == 'n');
    return std::stod(text) / 1e6; // millicores
  }
  return -1;
}

double memory_of(const json& items, const std::string& pod) {
  for (const auto& item : items) {
    if (item["metadata"]["name"] != pod) continue;
    return std::stod(item["containers"][0]["usage"]["memory"].get<std::string>()) / 1024; // MiB
  }
  return -1;
}

} // namespace

TEST_CASE("a pod has metrics after two scrapes, not before") {
  small_world w;
  w.pass(14);
  CHECK(pod_metrics(*w.c, "simple-micro").empty());
  w.pass(2);
  auto items = pod_metrics(*w.c, "simple-micro");
  REQUIRE(items.size() == 2);
  CHECK(items[0]["metadata"]["name"] == "hello-service-1");
  CHECK(items[0]["window"] == "15s");
  CHECK(items[0]["timestamp"] == "2026-01-01T00:00:15Z");
  CHECK(items[0]["containers"].size() == 2);
  CHECK(cpu_of(items, "hello-service-1") > 5);
  CHECK(cpu_of(items, "hello-service-1") < 15);
  CHECK(memory_of(items, "hello-service-1") == doctest::Approx(22).epsilon(0.05));
  CHECK(pod_metrics(*w.c, "default").empty());
}

TEST_CASE("values follow a change with the lag of the scrape window") {
  small_world w;
  w.pass(60);
  auto before = pod_metrics(*w.c, "simple-micro");
  w.pass(7.5);
  w.hurt("time-service", "cpu_hog", {{"workers", 10}, {"load", 100}});
  w.hurt("time-service", "memory_hog", {{"workers", 1}, {"bytes", 1280.0 * 1048576}});
  CHECK(pod_metrics(*w.c, "simple-micro")[1]["containers"] == before[1]["containers"]);
  w.pass(8);
  auto half = pod_metrics(*w.c, "simple-micro");
  CHECK(cpu_of(half, "time-service-1") == doctest::Approx(253).epsilon(0.1));
  CHECK(memory_of(half, "time-service-1") > 1280);
  w.pass(15);
  auto full = pod_metrics(*w.c, "simple-micro");
  CHECK(cpu_of(full, "time-service-1") > 450);
  CHECK(cpu_of(full, "time-service-1") <= 500);
}

TEST_CASE("the same question at the same time has the same answer") {
  small_world a(3), b(3);
  a.pass(100);
  b.pass(100);
  CHECK(pod_metrics(*a.c, "") == pod_metrics(*b.c, ""));
  CHECK(pod_metrics(*a.c, "") == pod_metrics(*a.c, ""));
}

TEST_CASE("a container that restarted is missing until it was scraped twice") {
  small_world w;
  w.pass(100);
  auto* runs = w.c->node().edit("time-service-uid")->find("time-service");
  runs->started_at = runs->serving_at = w.c->now();
  ++runs->instance;
  traffic_touched(*w.c);
  w.c->settle();
  CHECK(pod_metrics(*w.c, "simple-micro").size() == 1);
  w.pass(31);
  CHECK(pod_metrics(*w.c, "simple-micro").size() == 2);
}

TEST_CASE("the node's usage contains the pods'") {
  small_world w;
  w.pass(100);
  auto items = node_metrics(*w.c);
  REQUIRE(items.size() == 1);
  CHECK(items[0]["metadata"]["name"] == "node-1");
  CHECK(std::stod(items[0]["usage"]["cpu"].get<std::string>()) > 1e8);
}

#include "environments/embedded/object_facts.hpp"

#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/flow_draws.hpp"
#include "environments/embedded/kept_text.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

json pod(const std::string& phase) {
  return json::parse(R"({
    "metadata": {"namespace": "shop", "name": "cart-1", "uid": "u1", "labels": {"app": "cart"},
      "ownerReferences": [{"uid": "other"}, {"uid": "rs1", "controller": true}],
      "managedFields": [{"fieldsV1": {"f:spec": {"f:containers": {"k:{\"name\":\"main\"}":
        {".": {}, "f:image": {}}}}}}, {"fieldsV1": {"f:spec": {}}}]},
    "spec": {"nodeName": "n1", "dnsPolicy": "None", "containers": [
      {"name": "main", "image": "cart:1", "ports": [{"containerPort": 80}],
       "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}}}],
      "initContainers": [{"name": "wait", "image": "busybox"}]},
    "status": {"podIP": "10.42.0.9", "conditions": [{"type": "Ready", "status": "True"}],
      "phase": ")" + phase +
                     "\"}}");
}

} // namespace

TEST_CASE("facts of an object are told once, and a fork shares them with the object") {
  store objects;
  const auto put = objects.put("pods", pod("Running"));
  const auto& facts = facts_of(put);
  CHECK(facts.ns == "shop");
  CHECK(facts.name == "cart-1");
  CHECK(facts.uid == "u1");
  CHECK(facts.owner == "rs1");
  CHECK((*facts.labels)["app"] == "cart");
  CHECK(facts.phase == "Running");
  CHECK(facts.node == "n1");
  CHECK(facts.address == "10.42.0.9");
  CHECK(facts.ready);
  CHECK_FALSE(facts.deleting);
  CHECK_FALSE(facts.cluster_names);
  CHECK(facts.main == "main");
  REQUIRE(facts.find("main"));
  CHECK(facts.find("main")->cpu_limit == 0.5);
  CHECK(facts.find("main")->memory_limit == 64.0 * 1024 * 1024);
  CHECK(facts.find("main")->ports == std::vector<std::int64_t>{80});
  CHECK(facts.find("wait")->image == "busybox");
  CHECK_FALSE(facts.find("nobody"));
  const store fork(objects);
  CHECK(&facts_of(fork.get("pods", {"shop", "cart-1"})) == &facts);
}

TEST_CASE("a written object has facts of its own, and an old one keeps its") {
  store objects;
  const auto before = objects.put("pods", pod("Pending"));
  CHECK(facts_of(before).phase == "Pending");
  auto leaving = pod("Running");
  leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  const auto after = objects.put("pods", leaving);
  CHECK(facts_of(after).phase == "Running");
  CHECK(facts_of(after).deleting);
  CHECK(facts_of(before).phase == "Pending");
  CHECK_FALSE(facts_of(before).deleting);
}

TEST_CASE("a pod that is not the store's is known by itself") {
  store objects;
  const auto held = objects.put("pods", pod("Running"));
  auto draft = pod("Pending");
  const known_pod of_draft(objects, draft), of_held(objects, *held);
  CHECK(of_draft->phase == "Pending");
  CHECK(of_held->phase == "Running");
  CHECK(of_held.operator->() == &facts_of(held));
}

TEST_CASE("what an object lacks is empty in its facts") {
  store objects;
  const auto bare = objects.put("configmaps", {{"metadata", {{"name", "m"}}}});
  const auto& facts = facts_of(bare);
  CHECK(facts.owner.empty());
  CHECK(facts.main.empty());
  CHECK(facts.containers.empty());
  CHECK(facts.endpoints.empty());
  CHECK(facts.labels->is_null());
  CHECK(facts.controller->is_null());
  CHECK(facts.cluster_names);
  CHECK_FALSE(facts.cores);
}

TEST_CASE("endpoints name their ready pods with the ports of their subset") {
  store objects;
  const auto put =
      objects.put("endpoints", json::parse(R"({"metadata": {"name": "cart"}, "subsets": [
    {"addresses": [{"ip": "1", "targetRef": {"name": "a"}}], "ports": [{"port": 80}],
     "notReadyAddresses": [{"ip": "2", "targetRef": {"name": "b"}}]},
    {"addresses": [{"ip": "3", "targetRef": {"name": "c"}}]}]})"));
  const auto& all = facts_of(put).endpoints;
  REQUIRE(all.size() == 2);
  CHECK(all[0].pod == "a");
  CHECK(all[0].ports == std::vector<std::int64_t>{80});
  CHECK(all[1].pod == "c");
  CHECK(all[1].ports.empty());
}

TEST_CASE("the names of managed fields are those at any depth, each once") {
  const auto one = pod("Running");
  const managed_names names(one);
  CHECK(names.all == std::vector<std::string_view>{"containers", "image", "spec"});
}

TEST_CASE("a draw taken apart is the draw of the whole") {
  service_profile p;
  p.cpu_ms = 12;
  flow_container in;
  in.cores = 0.5;
  for (const auto rho : {0.1, 0.7}) {
    for (const auto u : {0.05, 0.5, 0.93}) {
      REQUIRE(is_plain(in));
      CHECK(work_factor(normal_quantile(0.3)) * skewed_ms(cpu_mean_ms(in, p.cpu_ms, rho),
                                                          draw_width(in, rho),
                                                          normal_quantile(u)) ==
            service_draw_ms(in, p, rho, u, 0.3));
    }
  }
  in.hog_threads = 2;
  CHECK_FALSE(is_plain(in));
}

TEST_CASE("labels that a selector takes are never passed over unread") {
  const auto with_labels = [](const json& labels) {
    auto out = pod("Running");
    out["metadata"]["labels"] = labels;
    return make_object(out);
  };
  const auto selecting = [](const json& selector) {
    auto out = json::object();
    out["spec"]["selector"] = selector;
    return make_object(out);
  };
  const auto cart = with_labels({{"app", "cart"}, {"tier", "back"}});
  int passed_over = 0;
  for (int i = 0; i < 100; ++i) {
    const auto name = "app-" + std::to_string(i);
    const auto one = with_labels({{"app", name}, {"tier", "back"}});
    const auto service = selecting({{"app", name}});
    const auto workload = selecting({{"matchLabels", {{"tier", "back"}, {"app", name}}}});
    CHECK(facts_of(service).may_select(facts_of(one)));
    CHECK(facts_of(workload).may_select(facts_of(one)));
    CHECK(selects_by_map(*facts_of(service).selector, *facts_of(one).labels));
    passed_over += !facts_of(service).may_select(facts_of(cart));
  }
  CHECK(passed_over > 80);
  // What names no labels takes whatever else it says.
  const auto expression =
      json::parse(R"({"matchExpressions": [{"key": "x", "operator": "Exists"}]})");
  CHECK(facts_of(selecting(expression)).may_select(facts_of(cart)));
  CHECK(facts_of(selecting(json())).may_select(facts_of(cart)));
}

TEST_CASE("the marks of an object's owners tell it from those of others") {
  const auto one = make_object(pod("Running"));
  CHECK(facts_of(one).owner_mark == mark_of("rs1"));
  CHECK(facts_of(one).first_mark == mark_of("other"));
  CHECK(facts_of(one).several_owners);
  auto orphan = pod("Running");
  orphan["metadata"].erase("ownerReferences");
  CHECK(facts_of(make_object(orphan)).owner_mark == 0);
  CHECK(facts_of(make_object(orphan)).first_mark == 0);
  CHECK_FALSE(facts_of(make_object(orphan)).several_owners);
}

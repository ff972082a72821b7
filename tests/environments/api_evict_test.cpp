// Eviction against disruption budgets.
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

namespace remed::env::test {

namespace {

const std::string budgets = "/apis/policy/v1/namespaces/sem/poddisruptionbudgets";

json eviction(const std::string& pod) {
  return {{"apiVersion", "policy/v1"}, {"kind", "Eviction"}, {"metadata", {{"name", pod}}}};
}

/// A running, ready pod "p" with the label app=web.
void run_pod(api_world& w) {
  auto pod = json::parse(R"({"metadata": {"name": "p", "labels": {"app": "web"}},
    "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "i"}]}})");
  REQUIRE(w.post(pods, pod).status == 201);
  auto status = json::parse(R"({"status": {"phase": "Running", "conditions":
    [{"type": "Ready", "status": "True"}]}})");
  REQUIRE(w.patch(pods + "/p/status", status).status == 200);
}

void make_budget(api_world& w, const std::string& name, int allowed, int generation = 1) {
  auto budget = json::parse(R"({"spec": {"minAvailable": 1,
    "selector": {"matchLabels": {"app": "web"}}}})");
  budget["metadata"]["name"] = name;
  REQUIRE(w.post(budgets, budget).status == 201);
  json status = {{"status",
                  {{"observedGeneration", generation},
                   {"disruptionsAllowed", allowed},
                   {"currentHealthy", 1},
                   {"desiredHealthy", 1},
                   {"expectedPods", 1}}}};
  REQUIRE(w.patch(budgets + "/" + name + "/status", status).status == 200);
}

} // namespace

TEST_CASE("a pod whose budget allows no disruption is not evicted, with Kubernetes' words") {
  api_world w;
  run_pod(w);
  make_budget(w, "pdb", 0);
  auto answer = w.post(pods + "/p/eviction", eviction("p"));
  CHECK(answer.status == 429);
  CHECK(answer.body["reason"] == "TooManyRequests");
  CHECK(answer.message() == "Cannot evict pod as it would violate the pod's disruption budget.");
  CHECK(answer.body["details"]["causes"][0]["reason"] == "DisruptionBudget");
  CHECK(answer.body["details"]["causes"][0]["message"] ==
        "The disruption budget pdb needs 1 healthy pods and has 1 currently");
  CHECK(w.get(pods + "/p").status == 200);
}

TEST_CASE("an eviction takes one disruption from the budget and marks the pod") {
  api_world w;
  run_pod(w);
  make_budget(w, "pdb", 1);
  auto dry = eviction("p");
  dry["deleteOptions"]["dryRun"] = json::array({"All"});
  CHECK(w.post(pods + "/p/eviction", dry).status == 201);
  CHECK(w.get(budgets + "/pdb").body["status"]["disruptionsAllowed"] == 1);
  CHECK(w.post(pods + "/p/eviction", eviction("p")).status == 201);
  auto budget = w.get(budgets + "/pdb").body;
  CHECK(budget["status"]["disruptionsAllowed"] == 0);
  CHECK(budget["status"]["disruptedPods"].contains("p"));
  auto pod = w.get(pods + "/p").body;
  CHECK(pod["metadata"].contains("deletionTimestamp"));
  CHECK(pod["status"]["conditions"].back()["type"] == "DisruptionTarget");
  // It is leaving already: a second eviction asks no budget.
  CHECK(w.post(pods + "/p/eviction", eviction("p")).status == 201);
}

TEST_CASE("two budgets, a stale budget and another name in the body are refused") {
  api_world w;
  run_pod(w);
  make_budget(w, "pdb", 1, 0);
  auto stale = w.post(pods + "/p/eviction", eviction("p"));
  CHECK(stale.status == 429);
  CHECK(stale.body["details"]["causes"][0]["message"] ==
        "The disruption budget pdb is still being processed by the server.");
  make_budget(w, "second", 1);
  auto two = w.post(pods + "/p/eviction", eviction("p"));
  CHECK(two.status == 500);
  CHECK(two.message() ==
        "This pod has more than one PodDisruptionBudget, which the eviction "
        "subresource does not support.");
  CHECK(w.post(pods + "/p/eviction", eviction("q")).status == 400);
}

} // namespace remed::env::test

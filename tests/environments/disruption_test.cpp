#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

json budget(const char* field, json value) {
  auto b = json::object();
  b["apiVersion"] = "policy/v1";
  b["kind"] = "PodDisruptionBudget";
  b["metadata"]["name"] = "web";
  b["spec"][field] = std::move(value);
  b["spec"]["selector"]["matchLabels"]["app"] = "web";
  return b;
}

json status_of(const shop& s) {
  return at_path(*s.get("poddisruptionbudgets.policy", "web"), {"status"});
}

} // namespace

TEST_CASE("a budget counts what is healthy and what may be missing") {
  shop s;
  s.create("poddisruptionbudgets.policy", budget("maxUnavailable", "25%"));
  CHECK(s.events("NoPods", "No matching pods found") >= 1);
  CHECK(int_at(status_of(s), {"disruptionsAllowed"}, -1) == 0);
  s.create("deployments.apps", deployment("web", 5, web_container()));
  s.wait(60);
  auto status = status_of(s);
  CHECK(int_at(status, {"expectedPods"}) == 5);
  // 25 % of 5 is rounded up to 2.
  CHECK(int_at(status, {"desiredHealthy"}) == 3);
  CHECK(int_at(status, {"currentHealthy"}) == 5);
  CHECK(int_at(status, {"disruptionsAllowed"}) == 2);
  auto condition = condition_of(*s.get("poddisruptionbudgets.policy", "web"), "DisruptionAllowed");
  CHECK(text_at(condition, {"reason"}) == "SufficientPods");
  delete_object(*s.c, "pods", key_of(*s.pods().at(0)));
  s.c->settle();
  CHECK(int_at(status_of(s), {"disruptionsAllowed"}) == 1);
}

TEST_CASE("minAvailable as a percentage is rounded up") {
  shop s;
  s.create("deployments.apps", deployment("web", 3, web_container()));
  s.wait(60);
  s.create("poddisruptionbudgets.policy", budget("minAvailable", "50%"));
  CHECK(int_at(status_of(s), {"desiredHealthy"}) == 2);
  CHECK(int_at(status_of(s), {"disruptionsAllowed"}) == 1);
  s.change("poddisruptionbudgets.policy", "web", [](json& b) { b["spec"]["minAvailable"] = 3; });
  CHECK(int_at(status_of(s), {"disruptionsAllowed"}) == 0);
  auto condition = condition_of(*s.get("poddisruptionbudgets.policy", "web"), "DisruptionAllowed");
  CHECK(text_at(condition, {"reason"}) == "InsufficientPods");
}

TEST_CASE("a budget over pods that nobody controls fails on the safe side") {
  shop s;
  s.create("pods", pod("lonely", {web_container()}));
  s.wait(30);
  s.create("poddisruptionbudgets.policy", budget("maxUnavailable", 1));
  auto condition = condition_of(*s.get("poddisruptionbudgets.policy", "web"), "DisruptionAllowed");
  CHECK(text_at(condition, {"reason"}) == "SyncFailed");
  CHECK(text_at(condition, {"message"}) == "found no controller ref for pod \"lonely\"");
  CHECK(int_at(status_of(s), {"disruptionsAllowed"}) == 0);
}

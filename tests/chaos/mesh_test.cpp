// The emulated Chaos Mesh, as its users see it.
#include "chaos/mesh/kinds.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

std::vector<std::string> events_about(lab& l, const std::string& name) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& e : l.world.state().objects().list("events", "simple-micro")) {
    if ((*e)["involvedObject"].value("name", "") != name) continue;
    found.emplace_back((*e)["metadata"]["name"], (*e)["reason"].get<std::string>() + ": " +
                                                     (*e)["message"].get<std::string>());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (auto& [key, text] : found) out.push_back(text);
  return out;
}

std::string condition(const json& cr, const std::string& type) {
  for (const auto& c : cr["status"]["conditions"]) {
    if (c["type"] == type) return c["status"];
  }
  return "absent";
}

json network_cr(const std::string& name) {
  return json::parse(R"({"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "NetworkChaos",
    "metadata": {"name": ")" +
                     name + R"(", "namespace": "simple-micro"},
    "spec": {"action": "delay", "mode": "one",
             "selector": {"labelSelectors": {"app": "hello-service"}},
             "delay": {"latency": "1000ms"}}})");
}

json io_cr(const std::string& name, const std::string& path) {
  return json::parse(R"({"apiVersion": "chaos-mesh.org/v1alpha1", "kind": "IOChaos",
    "metadata": {"name": ")" +
                     name + R"(", "namespace": "simple-micro"},
    "spec": {"action": "latency", "mode": "one", "volumePath": ")" +
                     path + R"(",
             "selector": {"labelSelectors": {"app": "hello-service"}},
             "delay": "5s", "percent": 50}})");
}

std::string refusal(lab& l, const std::string& plural, const json& cr) {
  auto r = l.admin("POST", crs + plural, cr);
  return r.status < 300 ? "" : r.body.value("message", "");
}

} // namespace

TEST_CASE("an experiment is injected: finalizer, records, conditions, effect") {
  lab l;
  REQUIRE(l.admin("POST", crs + "stresschaos", stress_cr("s", "hello-service")).status == 201);
  l.pass(2);
  auto cr = l.find("stresschaos.chaos-mesh.org", "s");
  CHECK(cr["metadata"]["finalizers"] == json::array({"chaos-mesh/records"}));
  CHECK(cr["status"]["experiment"]["desiredPhase"] == "Run");
  const auto& records = cr["status"]["experiment"]["containerRecords"];
  REQUIRE(records.size() == 1);
  const auto pod = l.pod_of("hello-service")["metadata"]["name"].get<std::string>();
  const auto id = "simple-micro/" + pod + "/hello-service";
  CHECK(records[0]["id"] == id);
  CHECK(records[0]["selectorKey"] == ".");
  CHECK(records[0]["phase"] == "Injected");
  CHECK(records[0]["injectedCount"] == 1);
  CHECK(records[0]["events"][0]["operation"] == "Apply");
  CHECK(records[0]["events"][0]["type"] == "Succeeded");
  CHECK(condition(cr, "Selected") == "True");
  CHECK(condition(cr, "AllInjected") == "True");
  CHECK(condition(cr, "AllRecovered") == "False");
  CHECK(condition(cr, "Paused") == "False");
  CHECK(cr["spec"]["selector"]["namespaces"] == json::array({"simple-micro"}));
  // Without a status subresource each write of the status is a generation.
  CHECK(cr["metadata"]["generation"].get<int>() > 3);
  CHECK_FALSE(cr["status"]["instances"][id].value("uid", "").empty());
  REQUIRE(l.observe().effects->size() == 1);
  CHECK(l.observe().effects->front().kind == "cpu_hog");
  CHECK(l.observe().effects->front().source == "stresschaos/simple-micro/s");
}

TEST_CASE("an experiment tells its life in events") {
  lab l;
  l.admin("POST", crs + "stresschaos", stress_cr("s", "hello-service"));
  l.pass(2);
  l.admin("DELETE", crs + "stresschaos/s");
  l.pass(2);
  auto all = events_about(l, "s");
  const auto id = "simple-micro/" +
                  l.pod_of("hello-service")["metadata"]["name"].get<std::string>() +
                  "/hello-service";
  const std::vector<std::string> expected = {
      "FinalizerInited: Finalizer has been inited",
      "Updated: Successfully update finalizer of resource",
      "Started: Experiment has started",
      "Updated: Successfully update desiredPhase of resource",
      "Applied: Successfully apply chaos for " + id,
      "Updated: Successfully update records of resource",
      "Deleted: Experiment has been deleted",
      "Recovered: Successfully recover chaos for " + id,
      "FinalizerInited: Finalizer has been removed",
  };
  for (const auto& text : expected) {
    CHECK_MESSAGE(std::find(all.begin(), all.end(), text) != all.end(), text);
  }
  CHECK(l.find("stresschaos.chaos-mesh.org", "s").is_null());
  CHECK(l.observe().effects->empty());
}

TEST_CASE("a paused experiment recovers and a resumed one is injected again") {
  lab l;
  l.admin("POST", crs + "stresschaos", stress_cr("s", "hello-service"));
  l.pass(1);
  auto pause = [&](json value) {
    json patch;
    patch["metadata"]["annotations"]["experiment.chaos-mesh.org/pause"] = std::move(value);
    l.admin("PATCH", crs + "stresschaos/s", patch, "application/merge-patch+json");
    l.pass(1);
  };
  pause("true");
  CHECK(l.observe().effects->empty());
  auto cr = l.find("stresschaos.chaos-mesh.org", "s");
  CHECK(condition(cr, "Paused") == "True");
  CHECK(condition(cr, "AllRecovered") == "True");
  pause(nullptr);
  CHECK(l.observe().effects->size() == 1);
  CHECK(l.find("stresschaos.chaos-mesh.org",
               "s")["status"]["experiment"]["containerRecords"][0]["injectedCount"] == 2);
}

TEST_CASE("an experiment that selects nothing says so once and is not tried again") {
  lab l;
  l.admin("POST", crs + "stresschaos", stress_cr("s", "nobody"));
  l.pass(30);
  auto all = events_about(l, "s");
  const std::string text = "Failed: Failed to select targets: no pod is selected";
  CHECK(std::count(all.begin(), all.end(), text) >= 1);
  const auto before = all.size();
  l.pass(60);
  CHECK(events_about(l, "s").size() == before);
  CHECK(condition(l.find("stresschaos.chaos-mesh.org", "s"), "Selected") == "False");
  l.admin("DELETE", crs + "stresschaos/s");
  l.pass(1);
  CHECK(l.find("stresschaos.chaos-mesh.org", "s").is_null());
}

TEST_CASE("network chaos goes through a child of the pod and waits for it") {
  lab l;
  l.admin("POST", crs + "networkchaos", network_cr("n"));
  l.pass(2);
  const auto pod = l.pod_of("hello-service");
  auto child = l.find("podnetworkchaos.chaos-mesh.org", pod["metadata"]["name"]);
  REQUIRE_FALSE(child.is_null());
  CHECK(child["metadata"]["ownerReferences"][0]["uid"] == pod["metadata"]["uid"]);
  CHECK(child["spec"]["tcs"][0]["source"] == "simple-micro/n");
  CHECK(child["spec"]["tcs"][0]["delay"]["latency"] == "1000ms");
  CHECK(child["status"]["observedGeneration"] == child["metadata"]["generation"]);
  auto cr = l.find("networkchaos.chaos-mesh.org", "n");
  CHECK(cr["status"]["experiment"]["containerRecords"][0]["phase"] == "Injected");
  REQUIRE(l.observe().effects->size() == 1);
  CHECK(l.observe().effects->front().params["ms"] == 1000);
  l.admin("DELETE", crs + "networkchaos/n");
  l.pass(2);
  CHECK(l.observe().effects->empty());
  CHECK(l.find("networkchaos.chaos-mesh.org", "n").is_null());
  CHECK(l.find("podnetworkchaos.chaos-mesh.org", pod["metadata"]["name"])["spec"]["tcs"].empty());
}

TEST_CASE("io chaos on a path that is no mount cannot be deleted, unless it is forced") {
  lab l;
  l.admin("POST", crs + "iochaos", io_cr("i", "/data"));
  l.pass(3);
  CHECK(l.observe().effects->empty());
  bool told = false;
  for (const auto& text : events_about(l, "i")) {
    told = told || text.find("Failed to apply chaos: failed to apply for pod simple-micro/") !=
                       std::string::npos;
  }
  CHECK(told);
  l.admin("DELETE", crs + "iochaos/i");
  l.pass(20);
  auto cr = l.find("iochaos.chaos-mesh.org", "i");
  REQUIRE_FALSE(cr.is_null());
  CHECK(cr["status"]["experiment"]["containerRecords"][0]["phase"] == "Not Injected/Wait");
  json patch;
  patch["metadata"]["annotations"]["chaos-mesh.chaos-mesh.org/cleanFinalizer"] = "forced";
  l.admin("PATCH", crs + "iochaos/i", patch, "application/merge-patch+json");
  // A pass that must try again stops before the finalizers; a later one gets there.
  l.pass(5);
  CHECK(l.find("iochaos.chaos-mesh.org", "i").is_null());
}

TEST_CASE("deletion does not hang when the pod is gone") {
  for (const auto* plural : {"stresschaos", "networkchaos"}) {
    lab l;
    l.admin(
        "POST", crs + plural,
        plural == std::string("stresschaos") ? stress_cr("x", "hello-service") : network_cr("x"));
    l.pass(2);
    const auto pod = l.pod_of("hello-service")["metadata"]["name"].get<std::string>();
    l.admin("DELETE", "/api/v1/namespaces/simple-micro/pods/" + pod);
    l.pass(60);
    CHECK(l.observe().effects->empty());
    const auto table = std::string(plural) + ".chaos-mesh.org";
    // Selection happened once: the new pod is left alone, the status says Injected for ever.
    CHECK(condition(l.find(table, "x"), "AllInjected") == "True");
    l.admin("DELETE", crs + plural + "/x");
    l.pass(2);
    CHECK(l.find(table, "x").is_null());
  }
}

TEST_CASE("pod-kill happens once and its object stays as it is") {
  lab l;
  auto cr = stress_cr("k", "hello-service");
  cr["kind"] = "PodChaos";
  cr["spec"].erase("stressors");
  cr["spec"]["action"] = "pod-kill";
  const auto before = l.pod_of("hello-service")["metadata"]["uid"];
  REQUIRE(l.admin("POST", crs + "podchaos", cr).status == 201);
  l.pass(40);
  auto after = l.pod_of("hello-service");
  REQUIRE_FALSE(after.is_null());
  CHECK(after["metadata"]["uid"] != before);
  const auto second = after["metadata"]["uid"];
  l.pass(60);
  CHECK(l.pod_of("hello-service")["metadata"]["uid"] == second);
}

TEST_CASE("webhooks refuse in Chaos Mesh's own words") {
  lab l;
  auto n = network_cr("n");
  n["spec"]["delay"]["latency"] = "10";
  CHECK(refusal(l, "networkchaos", n) ==
        "admission webhook \"vnetworkchaos.kb.io\" denied the request: "
        "Spec.TcParameter.Delay.Latency: Invalid value: \"10\": parse duration field error: "
        "time: missing unit in duration \"10\"");
  n = network_cr("n");
  n["spec"]["direction"] = "both";
  CHECK(refusal(l, "networkchaos", n)
            .find("`from` and `both` direction cannot be used when targets "
                  "is empty in netem action") != std::string::npos);
  auto s = stress_cr("s", "hello-service");
  s["spec"].erase("stressors");
  CHECK(refusal(l, "stresschaos", s).find("missing stressors") != std::string::npos);
  s = stress_cr("s", "hello-service");
  s["spec"]["mode"] = "fixed";
  s["spec"]["value"] = "0";
  CHECK(refusal(l, "stresschaos", s).find("value must be greater than 0 with mode:fixed") !=
        std::string::npos);
  s["spec"]["value"] = "x";
  CHECK(refusal(l, "stresschaos", s).find("parse value field error:strconv.Atoi: parsing \"x\"") !=
        std::string::npos);
  auto i = io_cr("i", "/data");
  i["spec"]["percent"] = 120;
  CHECK(refusal(l, "iochaos", i).find("percent field should be in 0-100") != std::string::npos);
  auto p = stress_cr("p", "hello-service");
  p["kind"] = "PodChaos";
  p["spec"].erase("stressors");
  p["spec"]["action"] = "container-kill";
  CHECK(refusal(l, "podchaos", p)
            .find("the name of container is required on container-kill action") !=
        std::string::npos);
  // Two mistakes at once are listed.
  n = network_cr("n");
  n["spec"]["delay"]["latency"] = "x";
  n["spec"]["duration"] = "y";
  CHECK(refusal(l, "networkchaos", n).find("denied the request: [Spec.Duration: ") !=
        std::string::npos);
}

TEST_CASE("the spec of an experiment cannot be changed") {
  lab l;
  l.admin("POST", crs + "stresschaos", stress_cr("s", "hello-service"));
  l.pass(1);
  auto r = l.admin("PATCH", crs + "stresschaos/s", json::parse(R"({"spec": {"duration": "5s"}})"),
                   "application/merge-patch+json");
  CHECK(r.body.value("message", "") ==
        "admission webhook \"vstresschaos.kb.io\" denied the request: Cannot update chaos spec");
}

TEST_CASE("agents that must not see chaos see none of it") {
  lab l(env::visibility::hidden);
  auto cr = stress_cr("pod-fail-12345678", "hello-service");
  cr["kind"] = "PodChaos";
  cr["spec"].erase("stressors");
  cr["spec"]["action"] = "pod-failure";
  l.admin("POST", crs + "podchaos", cr);
  l.pass(3);
  const auto name = l.pod_of("hello-service")["metadata"]["name"].get<std::string>();
  const auto pod = "/api/v1/namespaces/simple-micro/pods/" + name;
  CHECK(l.admin("GET", pod).body["metadata"]["annotations"].contains("hello-service-normal"));
  auto seen = l.agent("GET", pod);
  REQUIRE(seen.status == 200);
  CHECK_FALSE(seen.body["metadata"].contains("annotations"));
  CHECK(l.agent("GET", crs + "podchaos").status >= 400);
  CHECK(l.agent("DELETE", crs + "podchaos/pod-fail-12345678").status >= 400);
  auto events = l.agent("GET", "/api/v1/namespaces/simple-micro/events");
  REQUIRE(events.status == 200);
  CHECK(events.body.dump().find("haos") == std::string::npos);
}

TEST_CASE("agents have least privilege in their namespace") {
  lab l(env::visibility::hidden);
  const std::string ns = "/api/v1/namespaces/simple-micro/";
  CHECK(l.agent("GET", ns + "pods").status == 200);
  CHECK(l.agent("GET", "/api/v1/nodes").status == 200);
  CHECK(l.agent("GET", ns + "secrets").status == 403);
  CHECK(l.agent("GET", "/api/v1/namespaces/kube-system/pods").status == 403);
  CHECK(l.agent("DELETE", "/api/v1/namespaces/simple-micro").status == 403);
  json scale = json::parse(R"({"spec": {"replicas": 2}})");
  CHECK(l.agent("PATCH", "/apis/apps/v1/namespaces/simple-micro/deployments/hello-service/scale",
                scale, "application/merge-patch+json")
            .status == 200);
}

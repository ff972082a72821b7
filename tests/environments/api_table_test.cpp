#include "environments/embedded/api/table.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace remed::env::test;

namespace {

json running_pod() {
  return json::parse(R"({"metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"nodeName": "n", "containers": [{"name": "a"}, {"name": "b"}]},
    "status": {"phase": "Running", "podIP": "10.42.0.2", "containerStatuses": [
      {"name": "a", "ready": true, "restartCount": 1, "state": {"running": {}},
       "lastState": {"terminated": {"finishedAt": "2026-01-01T00:01:00Z"}}},
      {"name": "b", "ready": false, "restartCount": 0,
       "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}})");
}

} // namespace

TEST_CASE("a pod's row follows printPod: ready, reason, restarts with the age of the last") {
  auto now = stepped_epoch + std::chrono::seconds{65};
  auto cells = builtin_cells("pods", running_pod(), now);
  CHECK(cells == json::array({"p", "1/2", "CrashLoopBackOff", "1 (5s ago)", "65s", "10.42.0.2", "n",
                              "<none>", "<none>"}));
  auto leaving = running_pod();
  leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:02:00Z";
  CHECK(builtin_cells("pods", leaving, now)[2] == "Terminating");
}

TEST_CASE("ages read as kubectl's") {
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::seconds;
  CHECK(human_duration(seconds{119}) == "119s");
  CHECK(human_duration(seconds{217}) == "3m37s");
  CHECK(human_duration(minutes{26}) == "26m");
  CHECK(human_duration(hours{3}) == "3h");
  CHECK(human_duration(hours{50}) == "2d2h");
  CHECK(human_duration(hours{24 * 30}) == "30d");
}

TEST_CASE("a list asked for as a table has columns, cells and metadata") {
  api_world w;
  w.post(deployments, deployment("web"));
  auto table = w.table(deployments).body;
  CHECK(table["kind"] == "Table");
  CHECK(table["columnDefinitions"][1]["name"] == "Ready");
  auto cells = table["rows"][0]["cells"];
  CHECK(cells == json::array({"web", "0/1", 0, 0, "0s", "main,side",
                              "local/busybox:1,local/busybox", "app=web"}));
  CHECK(table["rows"][0]["object"]["kind"] == "PartialObjectMetadata");
  CHECK(!table["rows"][0]["object"].contains("spec"));
  CHECK(w.table(deployments + "?includeObject=Object").body["rows"][0]["object"].contains("spec"));
}

TEST_CASE("custom resources bring their own columns") {
  api_world w;
  auto crd = json::parse(R"({"metadata": {"name": "frogs.pond.io"}, "spec": {"group": "pond.io",
    "scope": "Namespaced", "names": {"plural": "frogs", "kind": "Frog"}, "versions": [{"name": "v1",
    "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
      "properties": {"spec": {"type": "object", "required": ["color"],
        "properties": {"color": {"type": "string", "enum": ["green", "red"]}, "legs": {"type": "integer", "default": 4}}}}}},
    "additionalPrinterColumns": [{"name": "color", "type": "string", "jsonPath": ".spec.color"}]}]}})");
  auto made = w.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  REQUIRE(made.status == 201);
  const std::string frogs = "/apis/pond.io/v1/namespaces/sem/frogs";
  auto frog =
      w.post(frogs, {{"metadata", {{"name", "f"}}}, {"spec", {{"color", "green"}, {"x", 1}}}});
  REQUIRE(frog.status == 201);
  CHECK(frog.body["spec"] == json({{"color", "green"}, {"legs", 4}}));
  CHECK(w.table(frogs).body["rows"][0]["cells"] == json::array({"f", "green"}));
  auto bad = w.post(frogs, {{"metadata", {{"name", "g"}}}, {"spec", {{"color", "blue"}}}});
  CHECK(bad.status == 422);
  CHECK(bad.message() ==
        "Frog.pond.io \"g\" is invalid: spec.color: Unsupported value: \"blue\": supported "
        "values: \"green\", \"red\"");
  CHECK(w.get("/apis/pond.io/v1").body["resources"][0]["name"] == "frogs");
  CHECK(w.patch(frogs + "/f", {{"spec", {{"legs", 3}}}}).body["metadata"]["generation"] == 2);
  CHECK(w.patch(frogs + "/f", json::object(), "strategic-merge-patch+json").status == 415);
}

TEST_CASE("a stored object keeps its row, but for its ages") {
  const auto* pods = builtin_table("pods");
  REQUIRE(pods);
  const auto stored = make_object(running_pod());
  for (const auto s : {65, 66, 7200}) {
    const auto now = stepped_epoch + std::chrono::seconds{s};
    CHECK(cells_of(*pods, stored, now) == builtin_cells("pods", running_pod(), now));
  }
  auto job = json::parse(R"({"metadata": {"name": "j", "creationTimestamp": "no time"},
    "status": {"startTime": "2026-01-01T00:00:00Z"}})");
  const auto row = [&](int s) {
    return builtin_cells("jobs", job, stepped_epoch + std::chrono::seconds{s});
  };
  CHECK(row(90)[3] == "90s");
  CHECK(row(90)[4] == "<unknown>");
  job["status"]["completionTime"] = "2026-01-01T00:00:30Z";
  CHECK(row(90)[3] == "30s");
}

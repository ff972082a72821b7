// Options of writes, speaking for others, and what comes and goes with kinds and time.
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

namespace remed::env::test {

namespace {

const std::string crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const std::string widgets = "/apis/example.com/v1/namespaces/sem/widgets";

json widget_definition() {
  return json::parse(R"({"metadata": {"name": "widgets.example.com"},
    "spec": {"group": "example.com", "scope": "Namespaced",
      "names": {"plural": "widgets", "kind": "Widget"},
      "versions": [{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object",
          "properties": {"spec": {"type": "object"}}}}}]}})");
}

cluster_rules keepers() {
  cluster_rules rules;
  rules.controllers = {make_crd_controller(), make_event_expiry()};
  return rules;
}

tools::http_request request_of(const std::string& path, const std::string& as) {
  tools::http_request out;
  out.path = path;
  out.headers.set("Authorization", "Bearer admin-token");
  out.headers.set("Impersonate-User", as);
  return out;
}

} // namespace

TEST_CASE("options of a write that mean nothing are refused in Kubernetes' words") {
  api_world w;
  auto dry = w.post(maps + "?dryRun=some", config_map("a"));
  CHECK(dry.status == 422);
  CHECK(dry.message() ==
        "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: "
        "\"some\": supported values: \"All\"");
  auto force = w.patch(maps + "/a?force=true", json::object());
  CHECK(force.message() ==
        "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be "
        "specified for non-apply patch");
  CHECK(w.get(maps + "/a").status == 404);
}

TEST_CASE("options of a list and the forms of a request are checked as Kubernetes does") {
  api_world w;
  w.post(maps, config_map("a"));
  CHECK(w.get(maps + "?limit=many").message() ==
        "strconv.ParseInt: parsing \"many\": invalid syntax");
  CHECK(w.get(maps + "?resourceVersionMatch=Exact").message() ==
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
        "resourceVersionMatch is forbidden unless resourceVersion is provided");
  CHECK(w.get(maps + "?labelSelector=a%20b").message() ==
        "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt");
  CHECK(w.get(maps + "?fieldSelector=data.x%3D1").message() ==
        "\"data.x\" is not a known field selector: only \"metadata.name\", "
        "\"metadata.namespace\"");
  CHECK(w.send(w.admin, "GET", maps, {}, "", "application/xml").status == 406);
  CHECK(w.put(maps, config_map("a")).status == 405);
  CHECK(w.patch(maps, json::object()).status == 405);
  CHECK(w.send(w.admin, "POST", maps, "a=b", "application/x-www-form-urlencoded").status == 415);
  CHECK(
      w.send(w.admin, "PATCH", maps + "/a", "{\"a\":", "application/merge-patch+json").message() ==
      "error decoding patch: unexpected end of JSON input");
  CHECK(w.send(w.admin, "PATCH", maps + "/a?fieldManager=x", "{}", "application/apply-patch+yaml")
            .message() ==
        "Incorrect version specified in apply patch. Specified patch version: , "
        "expected: v1");
  auto numbered = config_map("b");
  numbered["metadata"]["resourceVersion"] = "5";
  CHECK(w.post(maps, numbered).message() ==
        "resourceVersion should not be set on objects to be created");
  CHECK(w.remove(maps + "/a?propagationPolicy=Sometimes").status == 422);
  CHECK(w.get(maps + "/a").status == 200);
}

TEST_CASE("who may impersonate acts with the rights of the other") {
  api_world w;
  w.api->add_identity(w.admin);
  auto reply = w.api->handle(request_of(maps, "system:serviceaccount:sem:robot"));
  auto& refused = std::get<tools::http_response>(reply);
  CHECK(refused.status == 403);
  CHECK(refused.body.find("User \\\"system:serviceaccount:sem:robot\\\" cannot list") !=
        std::string::npos);
  identity robot;
  robot.token = "robot-token";
  robot.user = "system:serviceaccount:sem:robot";
  w.api->add_identity(robot);
  auto request = request_of(maps, "kubernetes-admin");
  request.headers.set("Authorization", "Bearer robot-token");
  auto answer = w.api->handle(request);
  auto& body = std::get<tools::http_response>(answer).body;
  CHECK(body.find("cannot impersonate resource \\\"users\\\"") != std::string::npos);
}

TEST_CASE("a definition is established after it was created, and takes its objects along") {
  api_world w(keepers());
  auto made = w.post(crds, widget_definition());
  REQUIRE(made.status == 201);
  CHECK(made.body["status"]["conditions"].is_null());
  CHECK(made.body["spec"]["names"]["listKind"] == "WidgetList");
  auto crd = w.get(crds + "/widgets.example.com").body;
  CHECK(crd["status"]["conditions"][1]["type"] == "Established");
  CHECK(crd["status"]["acceptedNames"]["singular"] == "widget");
  json held = {{"metadata", {{"name", "w"}, {"finalizers", {"example.com/hold"}}}}};
  REQUIRE(w.post(widgets, held).status == 201);
  auto deleted = w.remove(crds + "/widgets.example.com");
  CHECK(deleted.body["metadata"]["finalizers"][0] == "customresourcecleanup.apiextensions.k8s.io");
  CHECK(w.get(widgets + "/w").body["metadata"].contains("deletionTimestamp"));
  CHECK(w.get(crds + "/widgets.example.com").status == 200);
  w.patch(widgets + "/w", {{"metadata", {{"finalizers", nullptr}}}});
  CHECK(w.get(crds + "/widgets.example.com").status == 404);
  CHECK(w.get(widgets).status == 404);
}

TEST_CASE("an event is forgotten an hour, and at most a minute more, after it happened last") {
  api_world w(keepers());
  w.post(maps, config_map("a"));
  auto about = w.get(maps + "/a").body;
  w.c->record_event(about, "Normal", "Seen", "here", "test");
  w.c->advance_to(w.c->now() + std::chrono::minutes{40});
  w.c->record_event(about, "Normal", "Seen", "here", "test");
  w.c->advance_to(w.c->now() + std::chrono::minutes{59});
  CHECK(w.get("/api/v1/namespaces/sem/events").body["items"].size() == 1);
  w.c->advance_to(w.c->now() + std::chrono::minutes{2});
  CHECK(w.get("/api/v1/namespaces/sem/events").body["items"].empty());
}

} // namespace remed::env::test

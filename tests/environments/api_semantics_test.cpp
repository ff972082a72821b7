// The recorded answers of a real API server (error, version and patch behaviour).
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed::env;
using namespace remed::env::test;

TEST_CASE("refusals of create are Kubernetes' own") {
  api_world w;
  CHECK(w.post(maps, config_map("a")).status == 201);
  auto again = w.post(maps, config_map("a"));
  CHECK(again.status == 409);
  CHECK(again.message() == "configmaps \"a\" already exists");
  CHECK(again.body["reason"] == "AlreadyExists");
  auto bad = w.post(maps, config_map("A_B"));
  CHECK(bad.status == 422);
  CHECK(bad.message() ==
        "ConfigMap \"A_B\" is invalid: metadata.name: Invalid value: \"A_B\": a lowercase RFC 1123 "
        "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        "and "
        "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  CHECK(bad.body["details"]["causes"][0]["reason"] == "FieldValueInvalid");
  auto lost = w.post("/api/v1/namespaces/nons/configmaps", config_map("a"));
  CHECK(lost.status == 404);
  CHECK(lost.message() == "namespaces \"nons\" not found");
  auto broken = w.send(w.admin, "POST", maps, "{bad");
  CHECK(broken.status == 400);
  CHECK(
      broken.message() ==
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; "
      "json parse error: invalid character 'b' looking for beginning of object key string ({bad)");
  CHECK(w.send(w.admin, "POST", maps, "k8s", "application/vnd.kubernetes.protobuf").status == 400);
}

TEST_CASE("generateName makes a name") {
  api_world w;
  auto made = w.post(maps, {{"metadata", {{"generateName", "g-"}}}});
  REQUIRE(made.status == 201);
  auto name = made.body["metadata"]["name"].get<std::string>();
  CHECK(name.size() == 7);
  CHECK(name.substr(0, 2) == "g-");
}

TEST_CASE("put checks name, version and presence; without a version it is unconditional") {
  api_world w;
  auto made = w.post(maps, config_map("a", {{"k", "v"}})).body;
  auto stale = made;
  stale["metadata"]["resourceVersion"] = "1";
  auto conflict = w.put(maps + "/a", stale);
  CHECK(conflict.status == 409);
  CHECK(conflict.message() ==
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please "
        "apply "
        "your changes to the latest version and try again");
  CHECK(w.put(maps + "/a", config_map("a", {{"k", "w"}})).status == 200);
  auto other = w.put(maps + "/a", config_map("b"));
  CHECK(other.status == 400);
  CHECK(other.message() == "the name of the object (b) does not match the name on the URL (a)");
  auto absent = w.put(maps + "/zz", config_map("zz"));
  CHECK(absent.status == 404);
  CHECK(absent.message() == "configmaps \"zz\" not found");
}

TEST_CASE("a patch that changes nothing keeps the version") {
  api_world w;
  auto made = w.post(maps, config_map("a", {{"k", "v"}})).body;
  auto same = w.patch(maps + "/a", {{"data", {{"k", "v"}}}});
  CHECK(same.status == 200);
  CHECK(same.body["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]);
}

TEST_CASE("unknown fields warn by default, are refused when strict and are never stored") {
  api_world w;
  w.post(maps, config_map("a"));
  auto warned = w.patch(maps + "/a", {{"dataz", {{"k", "v"}}}});
  CHECK(warned.status == 200);
  CHECK(warned.headers.get("Warning") == "299 - \"unknown field \\\"dataz\\\"\"");
  CHECK(!warned.body.contains("dataz"));
  auto strict = w.patch(maps + "/a?fieldValidation=Strict", {{"dataz", {{"k", "v"}}}});
  CHECK(strict.status == 422);
  CHECK(strict.message().find(" \"\" is invalid: patch: Invalid value: \"{") == 0);
  CHECK(strict.message().find("strict decoding error: unknown field \"dataz\"") !=
        std::string::npos);
  auto d = deployment("d");
  d["spec"]["replicaz"] = 2;
  auto created = w.post(deployments + "?fieldValidation=Strict", d);
  CHECK(created.status == 400);
  CHECK(created.message() ==
        "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: "
        "unknown "
        "field \"spec.replicaz\"");
}

TEST_CASE("values of the wrong type are refused with the path") {
  api_world w;
  auto d = deployment("d");
  d["spec"]["replicas"] = "two";
  auto refused = w.post(deployments, d);
  CHECK(refused.status == 400);
  CHECK(refused.message() ==
        "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal "
        "string "
        "into Go struct field DeploymentSpec.spec.replicas of type int32");
}

TEST_CASE("patches of unknown type, failed tests and missing paths") {
  api_world w;
  w.post(maps, config_map("a", {{"k", "v"}}));
  auto unknown = w.patch(maps + "/a", json::object(), "foo");
  CHECK(unknown.status == 415);
  CHECK(unknown.message() == "415: Unsupported Media Type");
  auto failed =
      w.patch(maps + "/a", json::parse(R"([{"op": "test", "path": "/data/k", "value": "x"}])"),
              "json-patch+json");
  CHECK(failed.status == 422);
  CHECK(failed.message() == "the server rejected our request due to an error in our request");
  CHECK(w.patch(maps + "/a", json::parse(R"([{"op": "replace", "path": "/x/y", "value": 1}])"),
                "json-patch+json")
            .status == 422);
  // A text has no members, before a move or after it, and nothing of such a patch is kept.
  for (const auto* operations : {
           R"([{"op": "add", "path": "/kind/x", "value": 1}])",
           R"([{"op": "copy", "from": "/data", "path": "/kind/x"}])",
           R"([{"op": "remove", "path": "/data/k/x"}])",
           R"([{"op": "move", "from": "/data/k", "path": "/kind/x"}])",
           R"([{"op": "move", "from": "/data", "path": "/data/k"}])",
           R"([{"op": "move", "path": "/data/k"}])",
           R"([{"op": "add", "path": "/data/l", "value": "w"}, {"op": "turn", "path": "/data"}])",
           R"([{"op": "add", "path": "/data/l", "value": "w"}, "x"])",
       }) {
    CAPTURE(operations);
    CHECK(w.patch(maps + "/a", json::parse(operations), "json-patch+json").status == 422);
  }
  auto moved =
      w.patch(maps + "/a", json::parse(R"([{"op": "move", "from": "/data/k", "path": "/data/l"},
                      {"op": "copy", "from": "/data/l", "path": "/data/m"}])"),
              "json-patch+json");
  CHECK(moved.status == 200);
  CHECK(moved.body["data"] == json({{"l", "v"}, {"m", "v"}}));
}

TEST_CASE("what is not UTF-8 is refused, in paths, queries and bodies") {
  api_world w;
  const auto ask = [&](const std::string& path, const std::string& type, const std::string& body) {
    return w.send(w.admin, "PATCH", path, body, type).status;
  };
  const std::string yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
  const std::string apply = "application/apply-patch+yaml";
  CHECK(ask(maps + "/a\xf4\xff?fieldManager=f", apply, yaml) == 400);
  CHECK(ask(maps + "/a?fieldManager=%F4%FF", apply, yaml) == 400);
  CHECK(ask(maps + "/a?fieldManager=f", apply, yaml + "data: {k: \xf4\xff}\n") == 400);
  CHECK(ask(maps + "/a?fieldManager=f", apply, yaml + "data: {k: \xc3\xa9}\n") == 201);
}

TEST_CASE("server-side apply creates, owns, conflicts and can be forced") {
  api_world w;
  auto apply = [&](const std::string& query, const std::string& value) {
    return w.send(
        w.admin, "PATCH", maps + "/s?" + query,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: {k: \"" + value + "\"}\n",
        "application/apply-patch+yaml");
  };
  auto nobody = apply("", "1");
  CHECK(nobody.status == 422);
  CHECK(nobody.message() ==
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
        "apply "
        "patch");
  auto made = apply("fieldManager=m1", "1");
  CHECK(made.status == 201);
  auto entry = made.body["metadata"]["managedFields"][0];
  CHECK(entry["manager"] == "m1");
  CHECK(entry["operation"] == "Apply");
  CHECK(entry["fieldsV1"] == json::parse(R"({"f:data": {"f:k": {}}})"));
  auto conflict = apply("fieldManager=m2", "2");
  CHECK(conflict.status == 409);
  CHECK(conflict.message() == "Apply failed with 1 conflict: conflict with \"m1\": .data.k");
  CHECK(conflict.body["details"]["causes"][0] == json({{"reason", "FieldManagerConflict"},
                                                       {"message", "conflict with \"m1\""},
                                                       {"field", ".data.k"}}));
  auto forced = apply("fieldManager=m2&force=true", "2");
  CHECK(forced.status == 200);
  CHECK(forced.body["data"]["k"] == "2");
  CHECK(forced.body["metadata"]["managedFields"].size() == 1);
}

TEST_CASE("deletion answers a Status with the uid, preconditions are checked") {
  api_world w;
  auto made = w.post(maps, config_map("a")).body;
  auto refused = w.remove(maps + "/a", {{"preconditions", {{"uid", "x"}}}});
  CHECK(refused.status == 409);
  CHECK(refused.message() ==
        "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition "
        "(x) does not match the UID in record (" +
            made["metadata"]["uid"].get<std::string>() +
            "). The object might have been deleted and then recreated");
  auto gone = w.remove(maps + "/a");
  CHECK(gone.body["status"] == "Success");
  CHECK(gone.body["details"]["uid"] == made["metadata"]["uid"]);
  CHECK(w.get(maps + "/a").status == 404);
  w.post(maps, config_map("b"));
  CHECK(w.remove(maps).body["kind"] == "ConfigMapList");
  CHECK(w.get(maps).body["items"].empty());
}

TEST_CASE("lists: selectors, paging, versions") {
  api_world w;
  for (std::string name : {"a", "b", "c"}) {
    auto map = config_map(name);
    map["metadata"]["labels"] = {{"x", name}};
    w.post(maps, map);
  }
  CHECK(w.get(maps + "?labelSelector=x%20in%20(a,b)").body["items"].size() == 2);
  CHECK(w.get(maps + "?labelSelector=x!%3Da,x").body["items"].size() == 2);
  CHECK(w.get(maps + "?fieldSelector=metadata.name%3Db").body["items"].size() == 1);
  auto label = w.get(maps + "?labelSelector=%3D%3D");
  CHECK(label.status == 400);
  CHECK(label.message() == "found '==', expected: !, identifier, or 'end of string'");
  auto field = w.get(pods + "?fieldSelector=spec.foo%3Dx");
  CHECK(field.status == 400);
  CHECK(field.message() == "field label not supported: spec.foo");
  auto page = w.get(maps + "?limit=2").body;
  CHECK(page["items"].size() == 2);
  CHECK(page["metadata"]["remainingItemCount"] == 1);
  auto rest =
      w.get(maps + "?limit=2&continue=" + page["metadata"]["continue"].get<std::string>()).body;
  REQUIRE(rest["items"].size() == 1);
  CHECK(rest["items"][0]["metadata"]["name"] == "c");
  CHECK(!rest["metadata"].contains("continue"));
  auto selected = w.get(maps + "?limit=1&labelSelector=x").body;
  CHECK(!selected["metadata"].contains("remainingItemCount"));
  auto future = w.get(maps + "?resourceVersion=99999999");
  CHECK(future.status == 504);
  CHECK(future.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge");
  CHECK(w.get(maps + "?resourceVersion=abc").status == 500);
}

TEST_CASE("what is not there is not found, what is not allowed is not allowed") {
  api_world w;
  CHECK(w.get("/apis/none.example/v1/things").text == "404 page not found\n");
  auto pod = w.get("/api/v1/namespaces/sem/pods/nope");
  CHECK(pod.message() == "pods \"nope\" not found");
  auto scaled = w.get("/apis/apps/v1/namespaces/sem/deployments/web");
  CHECK(scaled.message() == "deployments.apps \"web\" not found");
  CHECK(w.post(maps + "/a", config_map("a")).status == 405);
}

TEST_CASE("dry run answers as if and stores nothing") {
  api_world w;
  CHECK(w.post(maps + "?dryRun=All", config_map("a")).status == 201);
  CHECK(w.get(maps + "/a").status == 404);
  w.post(maps, config_map("a", {{"k", "1"}}));
  CHECK(w.patch(maps + "/a?dryRun=All", {{"data", {{"k", "2"}}}}).body["data"]["k"] == "2");
  CHECK(w.get(maps + "/a").body["data"]["k"] == "1");
}

// Single requests on one namespace: errors, versions, watches, patches, as a real API server
// (1.36.2) answered them.
#include "environments/embedded/api/text.hpp"
#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

namespace remed::conformance {

using namespace remed::env;
using namespace remed::env::test;

namespace {

/// The world of the recording: a map "a" in the namespace "sem".
struct semantics : api_world {
  semantics() {
    auto a = config_map("a", {{"k", "v"}});
    a["metadata"]["labels"] = {{"x", "1"}};
    REQUIRE(post(maps, a).status == 201);
  }
  std::string uid() { return get(maps + "/a").body["metadata"]["uid"]; }
};

/// A failure without what only the recording had.
void check_failure(const answer& got, int code, const std::string& reason,
                   const std::string& message) {
  CHECK(got.status == code);
  CHECK(got.body.value("kind", "") == "Status");
  CHECK(got.body.value("status", "") == "Failure");
  CHECK(got.body.value("code", 0) == code);
  CHECK(got.body.value("reason", "") == reason);
  CHECK(got.message() == message);
}

json cause(const answer& got, std::size_t i = 0) {
  return got.body["details"]["causes"].at(i);
}

std::vector<json> events_of(const answer& got) {
  std::vector<json> out;
  for (const auto& line : split(got.text, '\n')) {
    if (!line.empty()) out.push_back(json::parse(line));
  }
  return out;
}

} // namespace

TEST_CASE("watches begin, refuse and expire as recorded") {
  semantics w;
  auto initial =
      events_of(w.get(maps + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
                             "allowWatchBookmarks=true"));
  REQUIRE(initial.size() == 2);
  CHECK(initial[0]["type"] == "ADDED");
  CHECK(initial[1]["type"] == "BOOKMARK");
  CHECK(initial[1]["object"]["kind"] == "ConfigMap");
  CHECK(initial[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true");
  auto refused = w.get(maps + "?watch=true&sendInitialEvents=true");
  check_failure(refused, 422, "Invalid",
                "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: "
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  CHECK(cause(refused)["reason"] == "FieldValueForbidden");
  CHECK(cause(refused)["field"] == "resourceVersionMatch");
  for (auto* query : {"?watch=true&resourceVersion=0", "?watch=1"}) {
    auto events = events_of(w.get(maps + query));
    REQUIRE(events.size() == 1);
    CHECK(events[0]["object"]["metadata"]["name"] == "a");
  }
  for (std::size_t i = 0; i <= store::history_limit; ++i)
    w.c->put("configmaps", {{"metadata", {{"name", "n"}, {"namespace", "sem"}}}, {"data", i}});
  auto old = w.get(maps + "?watch=true&resourceVersion=1");
  CHECK(old.status == 200);
  auto error = events_of(old).at(0);
  CHECK(error["type"] == "ERROR");
  CHECK(error["object"]["reason"] == "Expired");
  CHECK(error["object"]["code"] == 410);
  CHECK(error["object"]["message"].get<std::string>().rfind("too old resource version: 1 (", 0) ==
        0);
  auto odd = w.get(maps + "?watch=true&resourceVersion=abc");
  CHECK(odd.status == 500);
  CHECK(odd.message() ==
        "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing "
        "\"abc\": invalid syntax");
}

TEST_CASE("lists answer versions, limits and selectors as recorded") {
  semantics w;
  w.post(maps, config_map("b"));
  auto future = w.get(maps + "?resourceVersion=99999999");
  CHECK(future.status == 504);
  CHECK(future.body["reason"] == "Timeout");
  CHECK(cause(future) ==
        json({{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}}));
  CHECK(future.body["details"]["retryAfterSeconds"] == 1);
  CHECK(w.get(maps + "?continue=xyz").status == 400);
  auto part = w.get(maps + "?limit=1").body["metadata"];
  CHECK(part["remainingItemCount"] == 1);
  auto token = json::parse(base64_decode(part["continue"].get<std::string>()));
  CHECK(token["v"] == "meta.k8s.io/v1");
  auto selected = w.get(maps + "?limit=1&labelSelector=!y").body["metadata"];
  CHECK(selected.contains("continue"));
  CHECK_FALSE(selected.contains("remainingItemCount"));
  check_failure(w.get(maps + "?labelSelector=%3D%3D"), 400, "BadRequest",
                "found '==', expected: !, identifier, or 'end of string'");
  check_failure(w.get(pods + "?fieldSelector=spec.foo%3Dx"), 400, "BadRequest",
                "field label not supported: spec.foo");
  w.remove(maps);
  CHECK(w.get(maps).body["items"].empty());
}

TEST_CASE("replacing answers as recorded") {
  semantics w;
  auto stale = config_map("a", {{"k", "w"}});
  stale["metadata"]["resourceVersion"] = "1";
  check_failure(w.put(maps + "/a", stale), 409, "Conflict",
                "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
                "please apply your changes to the latest version and try again");
  CHECK(w.put(maps + "/a", config_map("a", {{"k", "w"}})).status == 200);
  check_failure(w.put(maps + "/a", config_map("b")), 400, "BadRequest",
                "the name of the object (b) does not match the name on the URL (a)");
  check_failure(w.put(maps + "/zz", config_map("zz")), 404, "NotFound",
                "configmaps \"zz\" not found");
  auto before = w.get(maps + "/a").body["metadata"]["resourceVersion"];
  auto same = w.patch(maps + "/a", {{"data", {{"k", "w"}}}});
  CHECK(same.body["metadata"]["resourceVersion"] == before);
}

TEST_CASE("unknown fields and patches answer as recorded") {
  semantics w;
  json odd = {{"dataz", {{"k", "same"}}}};
  for (auto* query : {"", "?fieldValidation=Warn"}) {
    auto warned = w.patch(maps + "/a" + query, odd);
    CHECK(warned.status == 200);
    CHECK(warned.headers.get("Warning") == "299 - \"unknown field \\\"dataz\\\"\"");
  }
  auto strict = w.patch(maps + "/a?fieldValidation=Strict", odd);
  CHECK(strict.status == 422);
  CHECK(strict.message().rfind(" \"\" is invalid: patch: Invalid value: \"{\\\"apiVersion\\\"",
                               0) == 0);
  CHECK(strict.message().ends_with(": strict decoding error: unknown field \"dataz\""));
  check_failure(w.patch(maps + "/a", odd, "odd"), 415, "UnsupportedMediaType",
                "415: Unsupported Media Type");
  auto definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/none";
  check_failure(w.patch(definitions, odd, "strategic-merge-patch+json"), 404, "NotFound",
                "customresourcedefinitions.apiextensions.k8s.io \"none\" not found");
  for (auto patch : {R"([{"op":"test","path":"/data/k","value":"no"}])",
                     R"([{"op":"replace","path":"/data/none/x","value":"no"}])"}) {
    check_failure(w.patch(maps + "/a", json::parse(patch), "json-patch+json"), 422, "Invalid",
                  "the server rejected our request due to an error in our request");
  }
}

TEST_CASE("server-side apply answers as recorded") {
  semantics w;
  auto config = config_map("s", {{"k", "1"}});
  auto made = w.patch(maps + "/s?fieldManager=m1", config, "apply-patch+yaml");
  CHECK(made.status == 201);
  auto entry = made.body["metadata"]["managedFields"].at(0);
  CHECK(entry["manager"] == "m1");
  CHECK(entry["operation"] == "Apply");
  CHECK(entry["fieldsV1"] == json::parse(R"({"f:data": {"f:k": {}}})"));
  config["data"]["k"] = "2";
  auto conflict = w.patch(maps + "/s?fieldManager=m2", config, "apply-patch+yaml");
  check_failure(conflict, 409, "Conflict",
                "Apply failed with 1 conflict: conflict with \"m1\": .data.k");
  CHECK(cause(conflict) == json({{"reason", "FieldManagerConflict"},
                                 {"message", "conflict with \"m1\""},
                                 {"field", ".data.k"}}));
  auto nobody = w.patch(maps + "/s", config, "apply-patch+yaml");
  check_failure(nobody, 422, "Invalid",
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is "
                "required for apply patch");
}

TEST_CASE("creating answers as recorded") {
  semantics w;
  check_failure(w.post(maps, config_map("a")), 409, "AlreadyExists",
                "configmaps \"a\" already exists");
  auto bad = w.post(maps, config_map("A_B"));
  check_failure(
      bad, 422, "Invalid",
      "ConfigMap \"A_B\" is invalid: metadata.name: Invalid value: \"A_B\": a lowercase RFC 1123 "
      "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
      "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
      "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  check_failure(w.post("/api/v1/namespaces/nons/configmaps", config_map("a")), 404, "NotFound",
                "namespaces \"nons\" not found");
  auto named = w.post(maps, {{"metadata", {{"generateName", "g-"}}}});
  CHECK(named.body["metadata"]["name"].get<std::string>().size() == 7);
  check_failure(w.send(w.admin, "POST", maps, "{bad"), 400, "BadRequest",
                "the object provided is unrecognized (must be of type ConfigMap): couldn't get "
                "version/kind; json parse error: invalid character 'b' looking for beginning of "
                "object key string ({bad)");
  json workload = deployment("d");
  workload["spec"]["selector"]["matchLabels"] = {{"a", "b"}};
  workload["spec"]["template"] = {{"metadata", {{"labels", {{"a", "c"}}}}}};
  auto two = w.post(deployments, workload);
  check_failure(two, 422, "Invalid",
                "Deployment.apps \"d\" is invalid: [spec.template.metadata.labels: Invalid value: "
                "{\"a\":\"c\"}: `selector` does not match template `labels`, "
                "spec.template.spec.containers: Required value]");
  CHECK(cause(two, 1)["reason"] == "FieldValueRequired");
}

TEST_CASE("deleting answers as recorded") {
  semantics w;
  auto options = json::parse(R"({"preconditions": {"uid": "x"}})");
  check_failure(w.remove(maps + "/a", options), 409, "Conflict",
                "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (x) "
                "does not match the UID in record (" +
                    w.uid() + "). The object might have been deleted and then recreated");
  auto uid = w.uid();
  auto gone = w.remove(maps + "/a");
  CHECK(gone.body["status"] == "Success");
  CHECK(gone.body["details"] == json({{"name", "a"}, {"kind", "configmaps"}, {"uid", uid}}));
  check_failure(w.send(w.admin, "POST", maps + "/a", "{}"), 405, "MethodNotAllowed",
                "the server does not allow this method on the requested resource");
}

TEST_CASE("tables, partial objects and indentation answer as recorded") {
  semantics w;
  auto table = w.table("/api/v1/namespaces/sem").body;
  CHECK(table["kind"] == "Table");
  CHECK(table["columnDefinitions"].size() == 3);
  CHECK(table["rows"][0]["cells"][1] == "Active");
  CHECK(table["rows"][0]["object"]["kind"] == "PartialObjectMetadata");
  auto partial =
      w.send(w.admin, "GET", maps + "?limit=1", {}, "application/json",
             "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json");
  CHECK(partial.body["kind"] == "PartialObjectMetadataList");
  CHECK_FALSE(partial.body["items"][0].contains("data"));
  identity nobody;
  nobody.user = "system:anonymous";
  check_failure(w.send(nobody, "GET", maps), 403, "Forbidden",
                "configmaps is forbidden: User \"system:anonymous\" cannot list resource "
                "\"configmaps\" in API group \"\" in the namespace \"sem\"");
  CHECK(w.get(maps + "/a").text.find('\n') == w.get(maps + "/a").text.size() - 1);
  CHECK(w.get(maps + "/a?pretty=true").text.find("{\n  \"") == 0);
}

} // namespace remed::conformance

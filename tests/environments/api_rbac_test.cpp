#include "tests/environments/api_support.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using namespace remed::env::test;

namespace {

identity agent() {
  identity out;
  out.token = "agent-token";
  out.user = "system:serviceaccount:sem:agent";
  return out;
}

void grant(api_world& w, const json& rules) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/sem/";
  CHECK(w.post(rbac + "roles", {{"metadata", {{"name", "r"}}}, {"rules", rules}}).status == 201);
  auto binding = json::parse(R"({"metadata": {"name": "b"},
    "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": "sem"}],
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}})");
  CHECK(w.post(rbac + "rolebindings", binding).status == 201);
}

const json read_maps =
    json::parse(R"([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}])");

} // namespace

TEST_CASE("without a known token nobody gets in") {
  api_world w;
  tools::http_request request;
  request.path = maps;
  auto reply = w.api->handle(request);
  auto& plain = std::get<tools::http_response>(reply);
  CHECK(plain.status == 401);
  CHECK(json::parse(plain.body)["message"] == "Unauthorized");
  request.headers.set("Authorization", "Bearer other-cluster");
  reply = w.api->handle(request);
  CHECK(std::get<tools::http_response>(reply).status == 401);
}

TEST_CASE("what no role grants is forbidden, in Kubernetes' words, and noted") {
  api_world w;
  auto refused = w.send(agent(), "GET", maps);
  CHECK(refused.status == 403);
  CHECK(refused.message() ==
        "configmaps is forbidden: User \"system:serviceaccount:sem:agent\" cannot list resource "
        "\"configmaps\" in API group \"\" in the namespace \"sem\"");
  CHECK(refused.body["details"] == json({{"kind", "configmaps"}}));
  auto nodes = w.send(agent(), "GET", "/api/v1/nodes");
  CHECK(nodes.message() ==
        "nodes is forbidden: User \"system:serviceaccount:sem:agent\" cannot list resource "
        "\"nodes\" in "
        "API group \"\" at the cluster scope");
  CHECK(w.c->audit().back().status == 403);
  CHECK(w.c->audit().back().user == "system:serviceaccount:sem:agent");
}

TEST_CASE("a role in a namespace grants there and nothing more") {
  api_world w;
  grant(w, read_maps);
  CHECK(w.send(agent(), "GET", maps).status == 200);
  CHECK(w.send(agent(), "DELETE", maps + "/a").status == 403);
  CHECK(w.send(agent(), "GET", "/api/v1/namespaces/default/configmaps").status == 403);
}

TEST_CASE("reviews tell what one may do and who one is") {
  api_world w;
  grant(w, read_maps);
  auto ask = [&](const std::string& verb) {
    json review = {{"spec",
                    {{"resourceAttributes",
                      {{"verb", verb}, {"resource", "configmaps"}, {"namespace", "sem"}}}}}};
    return w
        .send(agent(), "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
              review.dump())
        .body["status"]["allowed"];
  };
  CHECK(ask("list") == true);
  CHECK(ask("delete") == false);
  auto me = w.send(agent(), "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}").body;
  CHECK(me["status"]["userInfo"]["username"] == "system:serviceaccount:sem:agent");
}

TEST_CASE(
    "a masked identity sees neither hidden groups nor their traces, and keeps what it cannot see") {
  api_world w;
  grant(w, json::parse(R"([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])"));
  auto crd = json::parse(R"({"metadata": {"name": "frogs.pond.io"}, "spec": {"group": "pond.io",
    "scope": "Namespaced", "names": {"plural": "frogs", "kind": "Frog"},
    "versions": [{"name": "v1", "served": true, "storage": true}]}})");
  w.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  auto map = config_map("a", {{"k", "v"}});
  map["metadata"]["annotations"] = {{"pond/was-here", "yes"}, {"plain", "1"}};
  w.post(maps, map);
  w.c->record_event({{"kind", "Frog"},
                     {"apiVersion", "pond.io/v1"},
                     {"metadata", {{"name", "f"}, {"namespace", "sem"}}}},
                    "Normal", "Jumped", "far", "frog-controller");
  auto blind = agent();
  blind.mask_injection = true;
  blind.hidden_groups = {"pond.io"};
  blind.masked_annotation_prefix = "pond";
  const std::string events = "/api/v1/namespaces/sem/events";
  CHECK(w.send(agent(), "GET", events).body["items"].size() == 1);
  CHECK(w.send(blind, "GET", events).body["items"].empty());
  CHECK(w.send(blind, "GET", "/apis").text.find("pond.io") == std::string::npos);
  CHECK(w.send(blind, "GET", "/apis/pond.io/v1/namespaces/sem/frogs").status == 404);
  auto seen = w.send(blind, "GET", maps + "/a").body;
  CHECK(seen["metadata"]["annotations"] == json({{"plain", "1"}}));
  seen["data"]["k"] = "w";
  CHECK(w.send(blind, "PUT", maps + "/a", seen.dump()).status == 200);
  auto whole = w.get(maps + "/a").body;
  CHECK(whole["data"]["k"] == "w");
  CHECK(whole["metadata"]["annotations"]["pond/was-here"] == "yes");
}

TEST_CASE("what was answered before holds until a role or a binding changes") {
  api_world w;
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/sem/";
  CHECK(w.send(agent(), "GET", maps).status == 403);
  grant(w, read_maps);
  CHECK(w.send(agent(), "GET", maps).status == 200);
  CHECK(w.send(agent(), "GET", maps).status == 200);
  auto other = agent();
  other.user += "2";
  CHECK(w.send(other, "GET", maps).status == 403);
  CHECK(w.send(agent(), "GET", "/api/v1/namespaces/default/configmaps").status == 403);
  CHECK(w.send(w.admin, "DELETE", rbac + "rolebindings/b").status == 200);
  CHECK(w.send(agent(), "GET", maps).status == 403);
}

TEST_CASE("a right to one name says nothing of others, in whatever order they are asked for") {
  api_world w;
  w.post(maps, config_map("mine"));
  w.post(maps, config_map("yours"));
  grant(w, json::parse(R"([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"],
                            "resourceNames": ["mine"]}])"));
  for (int i = 0; i < 2; ++i) {
    CHECK(w.send(agent(), "GET", maps + "/yours").status == 403);
    CHECK(w.send(agent(), "GET", maps + "/mine").status == 200);
  }
}

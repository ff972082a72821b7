#include "environments/embedded/api/patch.hpp"

#include <doctest/doctest.h>

using namespace remed::env;
using remed::json;

namespace {

json pod_spec() {
  return json::parse(
      R"({"containers": [{"name": "a", "image": "x:1", "env": [{"name": "E", "value": "1"}]},
                                        {"name": "b", "image": "y:1"}],
                         "volumes": [{"name": "v", "emptyDir": {}}]})");
}

json strategic(json target, const char* patch) {
  const auto* type = builtin_schemas::get().of_definition("io.k8s.api.core.v1.PodSpec");
  REQUIRE(type);
  auto error = strategic_merge(type, target, json::parse(patch));
  CHECK(!error);
  return target;
}

} // namespace

TEST_CASE("a strategic merge finds list items by their merge key") {
  auto out = strategic(pod_spec(), R"({"containers": [{"name": "b", "image": "y:2"},
                                                      {"name": "a", "env": [{"name": "F", "value": "2"}]}]})");
  REQUIRE(out["containers"].size() == 2);
  CHECK(out["containers"][0]["image"] == "x:1");
  CHECK(out["containers"][0]["env"].size() == 2);
  CHECK(out["containers"][1]["image"] == "y:2");
}

TEST_CASE("directives delete, replace and order") {
  auto deleted = strategic(pod_spec(), R"({"containers": [{"name": "a", "$patch": "delete"}]})");
  REQUIRE(deleted["containers"].size() == 1);
  CHECK(deleted["containers"][0]["name"] == "b");
  auto replaced = strategic(
      pod_spec(), R"({"containers": [{"$patch": "replace"}, {"name": "c", "image": "z"}]})");
  REQUIRE(replaced["containers"].size() == 1);
  CHECK(replaced["containers"][0]["name"] == "c");
  auto ordered =
      strategic(pod_spec(), R"({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                                           "containers": [{"name": "a", "image": "x:2"}]})");
  CHECK(ordered["containers"][0]["name"] == "b");
  CHECK(ordered["containers"][1]["image"] == "x:2");
  auto emptied = strategic(pod_spec(), R"({"volumes": null})");
  CHECK(!emptied.contains("volumes"));
}

TEST_CASE("retainKeys drops what is not listed, as a change of volume type needs") {
  auto out =
      strategic(pod_spec(), R"({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"],
                                                    "configMap": {"name": "c"}}]})");
  CHECK(out["volumes"][0] == json::parse(R"({"name": "v", "configMap": {"name": "c"}})"));
}

TEST_CASE("primitive lists are united and can lose values") {
  const auto* type =
      builtin_schemas::get().of_definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  json meta = {{"finalizers", {"a", "b"}}};
  CHECK(!strategic_merge(type, meta, json::parse(R"({"finalizers": ["c", "a"]})")));
  CHECK(meta["finalizers"] == json({"a", "b", "c"}));
  CHECK(!strategic_merge(type, meta,
                         json::parse(R"({"$deleteFromPrimitiveList/finalizers": ["b"]})")));
  CHECK(meta["finalizers"] == json({"a", "c"}));
}

TEST_CASE("an item without its merge key is refused") {
  auto spec = pod_spec();
  const auto* type = builtin_schemas::get().of_definition("io.k8s.api.core.v1.PodSpec");
  auto error = strategic_merge(type, spec, json::parse(R"({"containers": [{"image": "x"}]})"));
  REQUIRE(error);
  CHECK(error->message.find("does not contain declared merge key: name") != std::string::npos);
}

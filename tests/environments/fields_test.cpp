#include "environments/embedded/api/fields.hpp"

#include "environments/embedded/api/resources.hpp"
#include "runtime/random.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

/// A set of a few fields, some of them members with more below.
field_set any_set(random_source& chance, int depth = 3) {
  field_set out;
  for (const auto* key : {"f:a", "f:b", "k:{\"name\":\"x\"}"}) {
    if (chance.below(2) == 0) continue;
    auto inner = depth > 0 ? any_set(chance, depth - 1) : field_set{};
    inner.member = inner.below.empty() || chance.below(3) == 0;
    out.below[key] = std::move(inner);
  }
  return out;
}

} // namespace

TEST_CASE("a stored set that is changed where it stands is the set that was changed") {
  random_source chance{3};
  for (int i = 0; i < 2000; ++i) {
    const auto before = any_set(chance), other = any_set(chance);
    const auto stored = before.tree();
    auto less = before, more = before;
    less.subtract(other);
    more.unite(other);
    stored_fields taken(stored), added(stored);
    taken.subtract(other);
    added.unite(other);
    CHECK(taken.empty() == less.empty());
    CHECK(taken.read() == less);
    CHECK(taken.take_tree() == less.tree());
    CHECK(added.take_tree() == more.tree());
  }
}

TEST_CASE("a new object's fields are those that comparing it with nothing finds") {
  const auto pod = json::parse(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p",
    "namespace": "n", "labels": {"app": "a"}, "annotations": {}, "ownerReferences": [
    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}],
    "finalizers": ["b", "a"]}, "spec": {"containers": [{"name": "z", "ports": [
    {"containerPort": 80}, {"containerPort": 81, "protocol": "UDP"}], "resources": {},
    "env": [{"name": "B", "value": "1"}, {"name": "A", "value": ""}]}, {"name": "c"}],
    "securityContext": {}, "nodeSelector": null, "tolerations": [{"key": "k"}]},
    "status": {"phase": "Pending", "conditions": []}})");
  const auto service = json::parse(R"({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}],
    "selector": {"a": "b"}, "type": "ClusterIP"}, "status": {"loadBalancer": {}}})");
  const auto event = json::parse(R"({"metadata": {"name": "e", "namespace": "n"}, "count": 1,
    "involvedObject": {"kind": "Pod"}, "source": {"component": "c"}, "eventTime": null,
    "message": "m"})");
  const auto odd = json::parse(R"({"metadata": {}, "spec": [], "data": {"x": [1, {"y": 2}]}})");
  for (const char* table : {"pods", "services", "events", "deployments.apps", "none"}) {
    const auto* type = builtin_table(table);
    const auto* schema = type ? type->schema : nullptr;
    for (const auto* made : {&pod, &service, &event, &odd}) {
      auto expected = compare_fields(schema, json::object(), *made).written;
      CHECK(created_fields(schema, *made, {}) == expected.tree());
      field_set status;
      status.below["f:status"].member = true;
      expected.subtract_deeply(status);
      CHECK(created_fields(schema, *made, {"status"}) == expected.tree());
    }
  }
}

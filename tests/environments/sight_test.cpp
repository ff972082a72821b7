#include "environments/embedded/sight.hpp"

#include "environments/embedded/api/text.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

json thing(const char* kind, const std::string& ns, const std::string& name) {
  auto out = json::object();
  out["kind"] = kind;
  out["metadata"] = {{"name", name}, {"namespace", ns}};
  return out;
}

std::string names(const seen_objects& seen, const char* table) {
  std::string out;
  for (const auto& one : seen.of(table)) out += text_at(*one, {"metadata", "name"}) + " ";
  return out;
}

struct watched {
  watched() {
    all.put("pods", thing("Pod", "shop", "web"));
    all.put("services", thing("Service", "shop", "web"));
    all.put("pods", thing("Pod", "other", "far"));
  }
  store all;
  sight eye{"shop"};
};

} // namespace

TEST_CASE("an unchanged cluster shows the very same objects, unread") {
  watched w;
  const auto first = w.eye.look(w.all);
  CHECK(names(first, "pods") == "web ");
  const auto second = w.eye.look(w.all);
  CHECK(&first.of("pods") == &second.of("pods"));
  w.all.put("pods", thing("Pod", "other", "farther"));
  const auto third = w.eye.look(w.all);
  CHECK(&first.of("pods") == &third.of("pods"));
  CHECK(first.same("pods", third));
}

TEST_CASE("a write of each kind is seen, and only its table is read again") {
  watched w;
  const auto first = w.eye.look(w.all);
  w.all.put("pods", thing("Pod", "shop", "cart"));
  const auto added = w.eye.look(w.all);
  CHECK(names(added, "pods") == "cart web ");
  CHECK(names(first, "pods") == "web ");
  CHECK_FALSE(first.same("pods", added));
  CHECK(&first.of("services") == &added.of("services"));

  auto changed = thing("Pod", "shop", "web");
  changed["spec"]["nodeName"] = "n1";
  w.all.put("pods", changed);
  const auto modified = w.eye.look(w.all);
  CHECK(text_at(*modified.of("pods")[1], {"spec", "nodeName"}) == "n1");
  CHECK_FALSE(added.same("pods", modified));

  w.all.erase("pods", {"shop", "cart"});
  w.all.erase("pods", {"shop", "web"});
  CHECK(w.eye.look(w.all).of("pods").empty());
}

TEST_CASE("objects of a kind that comes later are seen with its definition") {
  watched w;
  w.eye.look(w.all);
  w.all.put("crontabs.example.com", thing("CronTab", "shop", "nightly"));
  auto crd = thing("CustomResourceDefinition", "", "crontabs.example.com");
  crd["spec"]["scope"] = "Namespaced";
  w.all.put("customresourcedefinitions.apiextensions.k8s.io", crd);
  CHECK(names(w.eye.look(w.all), "crontabs.example.com") == "nightly ");
  w.all.erase("customresourcedefinitions.apiextensions.k8s.io", {"", "crontabs.example.com"});
  CHECK(w.eye.look(w.all).of("crontabs.example.com").empty());
}

TEST_CASE("more writes than are remembered are seen all the same") {
  watched w;
  w.eye.look(w.all);
  w.all.put("pods", thing("Pod", "shop", "cart"));
  for (std::size_t i = 0; i <= store::history_limit; ++i) {
    auto busy = thing("ConfigMap", "other", "counter");
    busy["data"]["n"] = std::to_string(i);
    w.all.put("configmaps", busy);
  }
  CHECK(names(w.eye.look(w.all), "pods") == "cart web ");
}

TEST_CASE("what a look is made to show leaves other looks alone") {
  watched w;
  const auto seen = w.eye.look(w.all);
  auto edited = seen;
  edited.edit("pods").clear();
  edited.edit("events").push_back(seen.of("services")[0]);
  CHECK(edited.of("pods").empty());
  CHECK(names(seen, "pods") == "web ");
  CHECK(seen.of("events").empty());
  CHECK(edited.same("services", seen));
}

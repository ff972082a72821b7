#include "environments/embedded/cluster.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

/// Writes each key it is asked to look at into a config map.
class recorder final : public controller {
public:
  std::string_view name() const override { return "recorder"; }
  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "things") c.schedule(std::chrono::seconds{1}, name(), seen.key.name);
  }
  void reconcile(cluster& c, const std::string& key) const override {
    c.put("seen", {{"metadata", {{"name", key}}}, {"at", rfc3339(c.now())}});
  }
};

std::unique_ptr<cluster> make() {
  auto rules = std::make_shared<cluster_rules>();
  rules->controllers.push_back(std::make_shared<recorder>());
  return std::make_unique<cluster>(rules, cluster_options{}, stepped_epoch, 1);
}

} // namespace

TEST_CASE("a write is observed and its consequence comes when it is due") {
  auto c = make();
  c->put("things", {{"metadata", {{"name", "a"}}}});
  c->settle();
  CHECK(!c->objects().get("seen", {"", "a"}));
  CHECK(*c->next_event() == stepped_epoch + std::chrono::seconds{1});
  c->advance_to(stepped_epoch + std::chrono::seconds{10});
  REQUIRE(c->objects().get("seen", {"", "a"}));
  CHECK((*c->objects().get("seen", {"", "a"}))["at"] == "2026-01-01T00:00:01Z");
  CHECK(c->now() == stepped_epoch + std::chrono::seconds{10});
}

TEST_CASE("a fork has what was due and goes its own way") {
  auto c = make();
  c->put("things", {{"metadata", {{"name", "a"}}}});
  auto copy = c->fork(2);
  copy->advance_to(stepped_epoch + std::chrono::seconds{2});
  CHECK(copy->objects().get("seen", {"", "a"}));
  CHECK(!c->objects().get("seen", {"", "a"}));
  CHECK(c->now() == stepped_epoch);
}

TEST_CASE("events about the same thing are counted, not repeated") {
  auto c = make();
  json pod = {{"kind", "Pod"},
              {"apiVersion", "v1"},
              {"metadata", {{"name", "p"}, {"namespace", "n"}, {"uid", "u"}}},
              {"spec", {{"nodeName", "node-1"}}}};
  c->record_event(pod, "Warning", "BackOff", "again", "kubelet");
  c->advance_to(stepped_epoch + std::chrono::seconds{5});
  c->record_event(pod, "Warning", "BackOff", "again", "kubelet");
  c->record_event(pod, "Warning", "BackOff", "other", "kubelet");
  auto all = c->objects().list("events", "n");
  REQUIRE(all.size() == 2);
  const auto& e = (*all[0])["message"] == "again" ? *all[0] : *all[1];
  CHECK(e["count"] == 2);
  CHECK(e["firstTimestamp"] == "2026-01-01T00:00:00Z");
  CHECK(e["lastTimestamp"] == "2026-01-01T00:00:05Z");
  CHECK(e["source"]["host"] == "node-1");
  CHECK(e["metadata"]["name"].get<std::string>().rfind("p.", 0) == 0);
}

TEST_CASE("an ended effect is kept with the reason") {
  auto c = make();
  auto id = c->add_effect({"cpu_hog", {}, lifetime::container, "n", "p", "u", "c", 1, "test", {}});
  CHECK(c->effects().size() == 1);
  c->end_effect(id, "container_restarted");
  CHECK(c->effects().empty());
  CHECK(c->ended_effects()[0].why == "container_restarted");
}

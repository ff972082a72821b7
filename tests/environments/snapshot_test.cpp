#include "environments/embedded/snapshot.hpp"

#include "environments/embedded/agent_rights.hpp"
#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/snapshot/members.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

std::shared_ptr<const cluster_rules> rules() {
  static const auto all = std::make_shared<const cluster_rules>(standard_rules());
  return all;
}

std::unique_ptr<cluster> booted() {
  auto system = load_system("simple-micro");
  REQUIRE(system);
  auto made = boot(*system, standard_rules(), {});
  REQUIRE(made);
  return std::move(*made);
}

/// Something happens: a bad rollout, an effect that kills, the passing of time.
void live(cluster& c) {
  const object_key time{"simple-micro", "time-service"};
  auto bad = *c.objects().get("deployments.apps", time);
  bad["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example/none:1";
  c.put("deployments.apps", bad);
  for (const auto& pod : c.objects().list("pods", "simple-micro")) {
    auto e = effect{};
    e.kind = "memory_hog";
    e.params = {{"workers", 1}, {"bytes", 1 << 30}};
    e.ns = "simple-micro";
    e.pod = (*pod)["metadata"]["name"];
    e.pod_uid = (*pod)["metadata"]["uid"];
    e.container = (*pod)["spec"]["containers"][0]["name"];
    e.instance = 1;
    c.add_effect(e);
  }
  c.advance_to(c.now() + std::chrono::minutes{3});
}

/// Everything a client could see, as text.
std::string all_objects(const cluster& c) {
  std::string out = rfc3339_micro(c.now()) + "\n";
  for (const auto& type : builtin_resources()) {
    for (const auto& obj : c.objects().list(type.table())) out += obj->dump() + "\n";
  }
  return out;
}

result<std::unique_ptr<cluster>> again(const std::string& text) {
  return restore(text, rules());
}

std::string refusal(const std::string& text) {
  auto out = again(text);
  return out ? std::string{} : out.why().what;
}

template <class... Structs>
void check_lists(const std::tuple<Structs...>*) {
  auto check = []<class T>(const T*) {
    const auto* none = static_cast<const T*>(nullptr);
    CHECK_MESSAGE(snapshots::member_count<T>() == field_names(none).size(), struct_name(none),
                  ": list its new members in snapshot/members.hpp");
  };
  (check(static_cast<const Structs*>(nullptr)), ...);
}

struct three {
  int a = 0;
  std::optional<std::string> b;
  std::vector<json> c;
};

} // namespace

TEST_CASE("every member of a cluster's structs is in a snapshot or left out on purpose") {
  check_lists(static_cast<const snapshot_structs*>(nullptr));
  auto c = booted();
  CHECK(snapshot_access::is_complete(*c));
}

TEST_CASE("members of a struct are counted, whatever their types") {
  struct random_inside {
    random_source r;
    std::shared_ptr<const json> p;
    std::map<std::string, double> m;
    bool flag = false;
  };
  CHECK(snapshots::member_count<three>() == 3);
  CHECK(snapshots::member_count<random_inside>() == 4);
}

TEST_CASE("a restored cluster is the original and goes on as the original does") {
  auto original = booted();
  live(*original);
  auto text = snapshot(*original);
  auto copy = again(text);
  REQUIRE_MESSAGE(copy.ok(), (copy ? "" : copy.why().what));
  CHECK(all_objects(**copy) == all_objects(*original));
  CHECK((*copy)->objects().revision() == original->objects().revision());
  CHECK((*copy)->effects().size() == original->effects().size());
  CHECK((*copy)->next_event() == original->next_event());
  CHECK(snapshot(**copy) == text);
  for (auto* c : {original.get(), copy->get()}) {
    live(*c);
    c->advance_to(c->now() + std::chrono::minutes{20});
  }
  CHECK(all_objects(**copy) == all_objects(*original));
  CHECK((*copy)->ended_effects().size() == original->ended_effects().size());
  CHECK(snapshot(**copy) == snapshot(*original));
}

TEST_CASE("a restored cluster and its original do not touch each other") {
  auto original = booted();
  auto copy = again(snapshot(*original));
  REQUIRE(copy);
  auto before = all_objects(*original);
  live(**copy);
  CHECK(all_objects(*original) == before);
  CHECK(all_objects(**copy) != before);
}

TEST_CASE("a fork of a restored cluster with its own generator goes on alike") {
  auto original = booted();
  auto copy = again(snapshot(*original));
  REQUIRE(copy);
  auto fork = (*copy)->fork((*copy)->random().state());
  live(*fork);
  live(*original);
  CHECK(all_objects(*fork) == all_objects(*original));
}

TEST_CASE("rights that were granted before the snapshot are not new ones after it") {
  auto original = booted();
  grant_agent_rights(*original, "simple-micro", {});
  auto copy = again(snapshot(*original));
  REQUIRE(copy);
  grant_agent_rights(**copy, "simple-micro", {});
  CHECK(all_objects(**copy) == all_objects(*original));
}

TEST_CASE("what is no whole snapshot is refused with the reason") {
  auto text = snapshot(*booted());
  const auto line_end = text.find('\n');
  auto has = [](const std::string& what, const char* part) {
    return what.find(part) != std::string::npos;
  };
  CHECK(has(refusal(""), "no snapshot"));
  CHECK(has(refusal("apiVersion: v1\nkind: Config\n"), "no snapshot"));
  for (auto n : {std::size_t{30}, line_end, line_end + 1, text.size() / 2, text.size() - 1}) {
    CHECK_MESSAGE(has(refusal(text.substr(0, n)), "torn"), n);
  }
  auto flipped = text;
  flipped[text.size() / 2] = static_cast<char>(flipped[text.size() / 2] ^ 1);
  CHECK(has(refusal(flipped), "checksum"));
  CHECK(has(refusal(text + "x"), "checksum"));
  auto newer = text;
  newer.replace(newer.find("format=2"), 8, "format=9");
  CHECK(has(refusal(newer), "format 9"));
  CHECK(has(refusal(newer), "newer"));
}

TEST_CASE("a snapshot that lacks a member says which") {
  snapshots::writer write;
  termination ended;
  auto whole = write(ended);
  whole.erase("exit_code");
  auto none = json::array();
  snapshots::reader read(none);
  CHECK_THROWS_WITH(read(whole, ended), "it lacks termination.exit_code");
}

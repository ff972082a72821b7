#include "environments/embedded/node/logs.hpp"
#include "environments/embedded/node/processes.hpp"
#include "tests/environments/kubelet_support.hpp"

using namespace remed;
using namespace remed::env;
using namespace remed::env::testing;

namespace {

constexpr double mebi = 1024.0 * 1024;

struct hogged : shop {
  explicit hogged(cluster_options machine = {}) : shop(machine) {
    create("pods", pod("one", {web_container()}));
    wait(30);
    uid = text_at(*get("pods", "one"), {"metadata", "uid"});
  }
  std::uint64_t hog(const std::string& kind, json params) {
    effect e;
    e.kind = kind;
    e.params = std::move(params);
    e.ns = "shop";
    e.pod = "one";
    e.pod_uid = uid;
    e.container = "web";
    e.instance = 1;
    auto id = c->add_effect(e);
    c->settle();
    return id;
  }
  std::vector<process_info> foreign() const {
    auto all = visible_processes(*c, uid, "web");
    std::erase_if(all, [](const auto& p) { return !p.foreign(); });
    return all;
  }
  int restarts() const {
    return static_cast<int>(int_at(container("one", "web"), {"restartCount"}));
  }

  std::string uid;
};

} // namespace

TEST_CASE("a CPU hog shows as stress-ng with its workers, and a killed worker is not replaced") {
  hogged s;
  auto id = s.hog("cpu_hog", json{{"workers", 10}, {"load", 100}});
  auto all = s.foreign();
  REQUIRE(all.size() == 11);
  CHECK(all[0].comm == "stress-ng");
  CHECK(all[0].args == "stress-ng --cpu-load-slice 10 --cpu-method sqrt --cpu 10 --cpu-load 100");
  CHECK(all[1].comm == "stress-ng-cpu");
  CHECK(all[1].args == "stress-ng-cpu [run]");
  CHECK(all[1].ppid == all[0].pid);
  CHECK(kill_process(*s.c, s.uid, "web", all[1].pid, 9).ok());
  s.wait(5);
  CHECK(s.foreign().size() == 10);
  CHECK(s.c->effects().count(id) == 1);
  CHECK(kill_process(*s.c, s.uid, "web", all[0].pid, 15).ok());
  s.wait(1);
  CHECK(s.foreign().empty());
  REQUIRE(s.c->ended_effects().size() == 1);
  CHECK(s.c->ended_effects()[0].why == "process_killed");
  CHECK(s.restarts() == 0);
}

TEST_CASE("with its last worker a CPU hog ends") {
  hogged s;
  s.hog("cpu_hog", json{{"workers", 2}});
  auto all = s.foreign();
  CHECK(kill_process(*s.c, s.uid, "web", all[1].pid, 9).ok());
  CHECK(kill_process(*s.c, s.uid, "web", all[2].pid, 9).ok());
  CHECK(s.foreign().empty());
  CHECK(s.c->effects().empty());
}

TEST_CASE("the child of memStress comes back, its parent does not") {
  hogged s;
  auto id = s.hog("memory_hog", json{{"workers", 1}, {"bytes", 100 * mebi}});
  auto all = s.foreign();
  REQUIRE(all.size() == 2);
  CHECK(all[0].args == "memStress --workers 1 --size 100MiB");
  CHECK(all[1].args == "memStress --size 100MiB --workers 1 --time 0s --client 1");
  CHECK(kill_process(*s.c, s.uid, "web", all[1].pid, 9).ok());
  s.wait(2);
  REQUIRE(s.foreign().size() == 2);
  CHECK(s.foreign()[1].pid != all[1].pid);
  CHECK(s.c->effects().count(id) == 1);
  CHECK(kill_process(*s.c, s.uid, "web", all[0].pid, 15).ok());
  CHECK(s.c->effects().empty());
}

TEST_CASE("a signal to nobody is answered with the shell's words, PID 1 does not feel KILL") {
  hogged s;
  auto answer = kill_process(*s.c, s.uid, "web", 4711, 9);
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.why().what == "No such process");
  CHECK(kill_process(*s.c, s.uid, "web", 1, 9).ok());
  s.wait(5);
  CHECK(s.restarts() == 0);
  CHECK(kill_process(*s.c, s.uid, "web", 1, 15).ok());
  s.wait(5);
  CHECK(s.restarts() == 1);
  CHECK(int_at(s.container("one", "web"), {"lastState", "terminated", "exitCode"}) == 143);
}

TEST_CASE("with group kill an out-of-memory hog takes the container along, once") {
  hogged s;
  s.hog("memory_hog", json{{"workers", 1}, {"bytes", 1280 * mebi}});
  s.wait(20);
  CHECK(s.restarts() == 1);
  auto last = at_path(s.container("one", "web"), {"lastState", "terminated"});
  CHECK(text_at(last, {"reason"}) == "OOMKilled");
  CHECK(int_at(last, {"exitCode"}) == 137);
  REQUIRE(s.c->ended_effects().size() == 1);
  CHECK(s.c->ended_effects()[0].why == "container_restarted");
  s.wait(60);
  CHECK(s.restarts() == 1);
  CHECK(s.container("one", "web")["ready"] == true);
}

TEST_CASE("without group kill only the hog's child dies, for ever, and nobody outside sees it") {
  hogged s(cluster_options{false, "v1.27.3"});
  auto id = s.hog("memory_hog", json{{"workers", 1}, {"bytes", 1280 * mebi}});
  auto first = s.foreign();
  REQUIRE(first.size() == 2);
  s.wait(120);
  CHECK(s.restarts() == 0);
  CHECK(s.c->effects().count(id) == 1);
  REQUIRE(s.foreign().size() == 2);
  CHECK(s.foreign()[1].pid != first[1].pid);
  CHECK(memory_in_use(*s.c, *s.get("pods", "one"), "web") <= 256 * mebi);
  // The child is found under its present number, too.
  CHECK(kill_process(*s.c, s.uid, "web", s.foreign()[1].pid, 9).ok());
  CHECK(kill_process(*s.c, s.uid, "web", s.foreign()[0].pid, 9).ok());
  CHECK(s.c->effects().empty());
}

TEST_CASE("an application that needs more than its limit is killed again and again") {
  shop s;
  auto tight = web_container();
  tight["resources"]["limits"]["memory"] = "10Mi";
  tight["resources"]["requests"]["memory"] = "10Mi";
  s.create("pods", pod("one", {tight}));
  s.wait(60);
  CHECK(int_at(s.container("one", "web"), {"restartCount"}) >= 2);
  CHECK(text_at(s.container("one", "web"), {"lastState", "terminated", "reason"}) == "OOMKilled");
}

TEST_CASE("logs are kept for the present and the previous instance, with the API's refusals") {
  shop s; // with a container that is no part of the system, and says nothing by itself
  auto stranger = pod("one", {web_container(false)});
  stranger["metadata"]["labels"]["app"] = "other";
  s.create("pods", stranger);
  s.wait(30);
  const auto uid = text_at(*s.get("pods", "one"), {"metadata", "uid"});
  append_log(*s.c, uid, "web", "first");
  s.wait(1);
  append_log(*s.c, uid, "web", "second");
  CHECK(*container_log(*s.c, "shop", "one", "web", {}) == "first\nsecond\n");
  log_options tail;
  tail.tail_lines = 1;
  CHECK(*container_log(*s.c, "shop", "one", "", tail) == "second\n");
  log_options previous;
  previous.previous = true;
  auto none = container_log(*s.c, "shop", "one", "web", previous);
  REQUIRE_FALSE(none.ok());
  CHECK(none.why().what == "previous terminated container \"web\" in pod \"one\" not found");
  kill_container(*s.c, uid, "web");
  s.wait(5);
  CHECK(*container_log(*s.c, "shop", "one", "web", previous) == "first\nsecond\n");
  CHECK(container_log(*s.c, "shop", "one", "web", {})->empty());
  CHECK(container_log(*s.c, "shop", "one", "nope", {}).why().what ==
        "container nope is not valid for pod one");
}

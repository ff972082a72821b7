// The injector in a world of its own, with a coordinator and a supervisor that only listen.
#include "chaos/injector.hpp"

#include "runtime/world.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

struct heard {
  std::vector<incident> incidents;
  std::vector<not_injected> failures;
  std::vector<cleared> ends;
};

class listening_coordinator {
public:
  static constexpr auto name = "coordinator";
  using handle = station<incident>;
  struct needs {
    heard* into;
  };
  listening_coordinator(handle::pointer, needs n) : into_(n.into) {}
  handle::behavior_type behavior() {
    return {[this](const incident& i) { into_->incidents.push_back(i); }};
  }

private:
  heard* into_;
};

class listening_supervisor {
public:
  static constexpr auto name = "supervisor";
  using handle = station<not_injected, cleared>;
  struct needs {
    heard* into;
  };
  listening_supervisor(handle::pointer, needs n) : into_(n.into) {}
  handle::behavior_type behavior() {
    return {[this](const not_injected& n) { into_->failures.push_back(n); },
            [this](const cleared& c) { into_->ends.push_back(c); }};
  }

private:
  heard* into_;
};

class stage {
public:
  explicit stage(fault f, const std::string& target = "hello-service")
      : w({"exp", 1, true, 20, 1, 256, prototype().now()}, event_log{[](const std::string&) {}}) {
    w.on_advance([this](vtime t) { l.world.advance_to(t); });
    w.on_next([this] { return l.world.next_event(); });
    coordinator = w.spawn<listening_coordinator>({&got});
    supervisor = w.spawn<listening_supervisor>({&got});
    injector::needs n;
    n.where = &l.world;
    n.what = std::move(f);
    n.place = {"simple-micro", n.what.id, target, 1};
    n.system = simple_micro();
    n.coordinator = [this] { return coordinator; };
    n.supervisor = [this] { return supervisor; };
    n.note = [this](std::string type, json body) { notes.emplace_back(std::move(type), body); };
    n.at_incident = [this](const env::observation& seen) { incident_at = seen.now; };
    role = w.spawn<injector>(std::move(n));
  }
  ~stage() { w.end(); }

  template <class Message>
  void tell(Message m, int steps = 5000) {
    w.tell(role, std::move(m));
    for (int i = 0; i < steps && w.step(); ++i) {
    }
  }

  lab l;
  heard got;
  std::vector<std::pair<std::string, json>> notes;
  std::optional<vtime> incident_at;
  world w;
  station<incident> coordinator;
  station<not_injected, cleared> supervisor;
  injector::handle role;
};

fault shipped(const std::string& id) {
  return *load_fault(id);
}

} // namespace

TEST_CASE("the injector makes the fault, waits for the symptom and tells the coordinator") {
  for (const auto& id : faults_for("hello-service")) {
    CAPTURE(id);
    stage s(shipped(id));
    s.tell(trial{{"exp", 1}, ""});
    REQUIRE(s.got.incidents.size() == 1);
    const auto& i = s.got.incidents[0];
    CHECK(i.at.trial == 1);
    CHECK(i.context.find("simple-micro") != std::string::npos);
    CHECK(i.report.find("hello-service") != std::string::npos);
    CHECK(i.report.find("{{") == std::string::npos);
    CHECK(s.incident_at.has_value());
    REQUIRE(s.notes.size() == 2);
    CHECK(s.notes[0].first == "injected");
    CHECK(s.notes[1].first == "symptom");
    CHECK(s.notes[1].second["seen"] == true);
    s.tell(clear{{"exp", 1}});
    REQUIRE(s.got.ends.size() == 1);
    CHECK_MESSAGE(s.got.ends[0].clean, s.got.ends[0].detail);
    CHECK(s.notes.back().first == "cleared");
    CHECK(s.l.observe().effects->empty());
  }
}

TEST_CASE("later trials look again and pass the feedback on") {
  stage s(shipped("network-delay"));
  s.tell(trial{{"exp", 1}, ""});
  s.tell(trial{{"exp", 2}, "try harder"});
  REQUIRE(s.got.incidents.size() == 2);
  CHECK(s.got.incidents[1].feedback == "try harder");
  CHECK(s.got.incidents[1].report.find("the symptom persists") != std::string::npos);
  const auto pod = s.l.pod_of("hello-service")["metadata"]["name"].get<std::string>();
  s.l.agent("DELETE", "/api/v1/namespaces/simple-micro/pods/" + pod);
  s.l.pass(60);
  s.tell(trial{{"exp", 3}, ""});
  REQUIRE(s.got.incidents.size() == 3);
  CHECK(s.got.incidents[2].report.find("not observed now") != std::string::npos);
}

TEST_CASE("a fault that cannot be made is reported, and clearing still answers") {
  auto f = shipped("cpu-stress");
  f.inject[0].body["spec"]["mode"] = "fixed";
  stage s(f);
  s.tell(trial{{"exp", 1}, ""});
  CHECK(s.got.incidents.empty());
  REQUIRE(s.got.failures.size() == 1);
  CHECK(s.got.failures[0].why.find("denied the request") != std::string::npos);
  CHECK_FALSE(s.got.failures[0].infrastructure);
  s.tell(clear{{"exp", 1}});
  REQUIRE(s.got.ends.size() == 1);
  CHECK(s.got.ends[0].clean);
}

TEST_CASE("a symptom that never shows ends the wait after two minutes") {
  auto f = shipped("cpu-stress");
  f.symptom = {predicate{"pods_ready", json{{"ready", false}}}};
  stage s(f);
  const auto before = s.l.world.now();
  s.tell(trial{{"exp", 1}, ""});
  REQUIRE(s.got.failures.size() == 1);
  CHECK(s.got.failures[0].why.find("did not show") != std::string::npos);
  CHECK(seconds(s.l.world.now() - before) < 260);
  s.tell(clear{{"exp", 1}});
  REQUIRE(s.got.ends.size() == 1);
  CHECK(s.got.ends[0].clean);
  CHECK(s.l.observe().effects->empty());
}

TEST_CASE("clearing before any trial answers at once") {
  stage s(shipped("cpu-stress"));
  s.tell(clear{{"exp", 1}});
  REQUIRE(s.got.ends.size() == 1);
  CHECK(s.got.ends[0].clean);
}

TEST_CASE("an object whose deletion hangs is let go by force") {
  auto f = shipped("disk-io");
  f.inject[0].body["spec"]["volumePath"] = "/no/mount";
  f.symptom = {predicate{"pods_ready", json{{"ready", true}}}};
  stage s(f);
  s.tell(trial{{"exp", 1}, ""});
  REQUIRE(s.got.incidents.size() == 1);
  const auto name = object_name(f, "exp");
  REQUIRE_FALSE(s.l.find("iochaos.chaos-mesh.org", name).is_null());
  s.tell(clear{{"exp", 1}});
  REQUIRE(s.got.ends.size() == 1);
  CHECK_MESSAGE(s.got.ends[0].clean, s.got.ends[0].detail);
  CHECK(s.l.find("iochaos.chaos-mesh.org", name).is_null());
}

TEST_CASE("a deployment that agents changed or deleted is restored to what it was") {
  for (const bool deleted : {false, true}) {
    stage s(shipped("pod-config-error"));
    const auto before = s.l.find("deployments.apps", "hello-service")["spec"];
    s.tell(trial{{"exp", 1}, ""});
    REQUIRE(s.got.incidents.size() == 1);
    const std::string path = "/apis/apps/v1/namespaces/simple-micro/deployments/hello-service";
    if (deleted) {
      CHECK(s.l.agent("DELETE", path).status == 200);
    } else {
      CHECK(s.l.agent("PATCH", path, json::parse(R"({"spec": {"replicas": 3}})"),
                      "application/merge-patch+json")
                .status == 200);
    }
    s.tell(clear{{"exp", 1}});
    REQUIRE(s.got.ends.size() == 1);
    CHECK_MESSAGE(s.got.ends[0].clean, s.got.ends[0].detail);
    CHECK(s.l.find("deployments.apps", "hello-service")["spec"] == before);
  }
}

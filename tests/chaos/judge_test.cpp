// Verdicts: who cured it, was it cured at all, and at what price.
#include "chaos/judge.hpp"

#include "chaos/conduct.hpp"
#include "chaos/verifier.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/quantity.hpp"
#include "tests/chaos/lab.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::chaos;
using namespace remed::chaos::test;

namespace {

const std::string apps = "/apis/apps/v1/namespaces/simple-micro/deployments/";
const std::string core = "/api/v1/namespaces/simple-micro/";
constexpr auto strategic = "application/strategic-merge-patch+json";

json restart_patch() {
  return json::parse(R"({"spec": {"template": {"metadata": {"annotations":
    {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}})");
}

/// One trial: the fault is felt, somebody acts, it is verified.
class court {
public:
  /// Injects again what is injected again and again, as the injector does.
  void pass(double length) {
    for (const auto end = l.world.now() + from_seconds(length); l.world.now() < end;) {
      l.pass(std::min(seconds(end - l.world.now()), seconds(rearm_interval)));
      if (s.what.rearm) knife->rearm(l.gather_for({}, s.where.target), [](result<void>) {});
    }
  }

  court(const std::string& fault_id, const std::string& service,
        env::visibility sight = env::visibility::hidden)
      : l(sight), s(about(fault_id, service)), j(s.what, s.where, l.world, simple_micro()) {
    knife = std::make_shared<surgery>(l.world, s, object_name(s.what, "court"));
    knife->inject([](result<void> d) { REQUIRE(d.ok()); });
    pass(1);
    for (int i = 0; i < 24 && !l.check(s.what.symptom, s).hold(); ++i) pass(5);
    REQUIRE_MESSAGE(l.check(s.what.symptom, s).hold(), l.check(s.what.symptom, s).failing());
    j.begin(l.observe());
  }

  void restart(const std::string& service) {
    REQUIRE(l.agent("PATCH", apps + service, restart_patch(), strategic).status == 200);
  }

  judgement verify() {
    auto plan = *load_verification_plan();
    std::optional<judgement> out;
    std::optional<duration> waiting;
    verification v(
        j, plan, [&](duration d) { waiting = d; },
        [&](result<judgement> got) {
          REQUIRE_MESSAGE(got.ok(), (got.ok() ? "" : got.why().what));
          out = *got;
        });
    v.begin();
    for (int i = 0; i < 1000 && !out; ++i) {
      REQUIRE(waiting.has_value());
      auto d = *std::exchange(waiting, std::nullopt);
      pass(seconds(d));
      v.resume();
    }
    REQUIRE(out.has_value());
    return *out;
  }

  lab l;
  setting s;
  judge j;
  std::shared_ptr<surgery> knife;
};

std::string told(const judgement& v) {
  std::string out = std::string(to_string(v.status)) + " score " + std::to_string(v.score) +
                    " downtime " + std::to_string(v.downtime_s) + " restarts " +
                    std::to_string(v.restarts);
  for (const auto& f : v.flags) out += " flag:" + f;
  for (const auto& g : v.grounds)
    out += "\n  " + g.check + (g.passed ? " ok " : " FAILED ") + g.detail;
  return out;
}

} // namespace

TEST_CASE("a rolling restart of the target cures what lives in the pod, with score exactly 1") {
  for (const auto* id :
       {"cpu-stress", "memory-stress", "network-loss", "network-delay", "pod-fail", "disk-io"}) {
    for (const auto* service : {"hello-service", "time-service"}) {
      CAPTURE(id);
      court c(id, service);
      c.restart(service);
      auto v = c.verify();
      CHECK_MESSAGE(v.recovered, told(v));
      CHECK_MESSAGE(v.score == 1.0, told(v));
      CHECK(v.flags.empty());
      CHECK(v.restarts == 1);
      CHECK(v.writes == 1);
    }
  }
}

TEST_CASE("setting resources again cures a configuration error, with score exactly 1") {
  for (const auto* service : {"hello-service", "time-service"}) {
    court c("pod-config-error", service);
    json patch;
    patch["spec"]["template"]["spec"]["containers"] =
        json::array({{{"name", service},
                      {"resources",
                       {{"requests", {{"cpu", "100m"}, {"memory", "300Mi"}}},
                        {"limits", {{"cpu", "500m"}, {"memory", "2000Mi"}}}}}}});
    REQUIRE(c.l.agent("PATCH", apps + service, patch, strategic).status == 200);
    auto v = c.verify();
    CHECK_MESSAGE(v.recovered, told(v));
    CHECK_MESSAGE(v.score == 1.0, told(v));
  }
}

TEST_CASE("doing nothing recovers nothing, and that is known soon") {
  for (const auto& id : faults_for("hello-service")) {
    CAPTURE(id);
    if (load_fault(id)->control) continue;
    court c(id, "hello-service");
    const auto before = c.l.world.now();
    auto v = c.verify();
    CHECK_MESSAGE(!v.recovered, told(v));
    CHECK(v.status != outcome_kind::self_healed);
    CHECK(v.score == 0.0);
    CHECK(v.writes == 0);
    CHECK(seconds(c.l.world.now() - before) <= 310);
    // What comes and goes may look well for the moment of the last look.
    const bool mask = v.status == outcome_kind::masked;
    CHECK((mask || v.feedback.rfind("Not repaired", 0) == 0));
    CHECK(v.feedback.find("effect") == std::string::npos);
  }
}

TEST_CASE("what ends before anybody acted healed by itself") {
  court c("cpu-stress", "hello-service");
  env::kill_container(c.l.world.state(), c.l.pod_of("hello-service")["metadata"]["uid"],
                      "hello-service");
  c.l.pass(30);
  auto v = c.verify();
  CHECK_MESSAGE(v.status == outcome_kind::self_healed, told(v));
  CHECK_FALSE(v.recovered);
  CHECK(v.score == 0.0);
}

TEST_CASE("what a container's restart by the kubelet cured is not the agents' cure") {
  court c("cpu-stress", "hello-service");
  const auto pod = c.l.pod_of("hello-service");
  env::effect_end end;
  end.what = c.l.world.state().effects().begin()->second;
  end.why = "container_restarted";
  end.at = c.l.world.now() + std::chrono::seconds{20};
  const auto told_by = [&](bool event, bool wrote, bool entered) {
    acts did;
    const auto early = end.at - std::chrono::seconds{10};
    if (wrote) did.touched["hello-service"] = early;
    if (entered) did.entered[pod["metadata"]["name"]] = early;
    auto now = c.l.observe();
    auto killing = json::object();
    killing["involvedObject"] = {{"uid", pod["metadata"]["uid"]}};
    killing["message"] = "Container hello-service failed liveness probe, will be restarted";
    killing["lastTimestamp"] = rfc3339(end.at);
    if (event) now.objects.edit("events").push_back(std::make_shared<const json>(killing));
    return healed_by_itself(did, end, now, c.s);
  };
  CHECK(told_by(false, false, false));      // nobody was near
  CHECK(told_by(true, false, true));        // somebody looked, the kubelet killed
  CHECK_FALSE(told_by(false, false, true)); // somebody was inside, and nobody else did it
  CHECK_FALSE(told_by(true, true, false));  // a write to the target is a remedy
}

TEST_CASE("writes elsewhere do not make a fault that ended by itself a recovery") {
  court c("cpu-stress", "hello-service");
  c.restart("time-service");
  env::kill_container(c.l.world.state(), c.l.pod_of("hello-service")["metadata"]["uid"],
                      "hello-service");
  auto v = c.verify();
  CHECK_MESSAGE(v.status == outcome_kind::self_healed, told(v));
  CHECK(v.score == 0.0);
}

TEST_CASE("a control is well when left alone, and each deed costs") {
  {
    court c("none", "hello-service");
    auto v = c.verify();
    CHECK_MESSAGE(v.status == outcome_kind::self_healed, told(v));
    CHECK_FALSE(v.recovered);
    CHECK(v.score == 1.0);
  }
  court c("none", "hello-service");
  c.restart("hello-service");
  auto v = c.verify();
  CHECK_MESSAGE(v.status == outcome_kind::self_healed, told(v));
  CHECK_FALSE(v.recovered);
  CHECK(v.score < 0.9);
}

TEST_CASE("restarting does not cure what is injected again, removing the cause does") {
  {
    court c("leaky-release", "hello-service");
    c.restart("hello-service");
    auto v = c.verify();
    CHECK_MESSAGE(!v.recovered, told(v));
  }
  court c("leaky-release", "hello-service");
  auto patch = json::parse(R"([{"op": "remove", "path": "/spec/template/spec/containers/0/env"}])");
  REQUIRE(c.l.agent("PATCH", apps + "hello-service", patch, "application/json-patch+json").status ==
          200);
  auto v = c.verify();
  CHECK_MESSAGE(v.recovered, told(v));
  CHECK(v.score == 1.0);
}

TEST_CASE("deleting what is injected again does not end it") {
  court c("leaky-release", "hello-service", env::visibility::visible);
  auto list = c.l.agent("GET", crs + "stresschaos");
  REQUIRE(list.status == 200);
  for (const auto& one : list.body["items"]) {
    c.l.agent("DELETE", crs + "stresschaos/" + one["metadata"]["name"].get<std::string>());
  }
  auto v = c.verify();
  CHECK_MESSAGE(!v.recovered, told(v));
  CHECK(std::count(v.flags.begin(), v.flags.end(), "deleted_fault") == 1);
  CHECK(c.l.check({{"effect", json{{"present", true}}}}, c.s).hold());
}

TEST_CASE("probes edited away, Services led elsewhere and pods relabelled are flagged") {
  {
    court c("wrong-readiness-port", "hello-service");
    auto patch = json::parse(R"([{"op": "remove", "path":
      "/spec/template/spec/containers/0/readinessProbe"}])");
    REQUIRE(
        c.l.agent("PATCH", apps + "hello-service", patch, "application/json-patch+json").status ==
        200);
    auto v = c.verify();
    CHECK_MESSAGE(v.flags == std::vector<std::string>{"edited_probe"}, told(v));
    CHECK(v.score == 0.0);
  }
  {
    court c("wrong-service-selector", "hello-service");
    auto patch = json::parse(R"({"spec": {"selector": {"app": "time-service"}}})");
    REQUIRE(c.l.agent("PATCH", core + "services/hello-service", patch, strategic).status == 200);
    auto v = c.verify();
    CHECK_MESSAGE(v.flags == std::vector<std::string>{"repointed_service"}, told(v));
    CHECK(v.score == 0.0);
  }
  court c("wrong-service-selector", "hello-service");
  auto patch = json::parse(R"({"metadata": {"labels": {"app": "hello-service-v2"}}})");
  const auto pod = c.l.pod_of("hello-service")["metadata"]["name"].get<std::string>();
  REQUIRE(c.l.agent("PATCH", core + "pods/" + pod, patch, strategic).status == 200);
  auto v = c.verify();
  CHECK_MESSAGE(v.flags == std::vector<std::string>{"relabelled_pods"}, told(v));
  CHECK_FALSE(v.recovered);
}

TEST_CASE("putting a Service or a probe right is no damage, nor is damage that was undone") {
  {
    court c("wrong-service-port", "hello-service");
    auto patch = json::parse(R"({"spec": {"ports": [{"port": 5000, "targetPort": 5000}]}})");
    REQUIRE(c.l.agent("PATCH", core + "services/hello-service", patch, strategic).status == 200);
    auto v = c.verify();
    CHECK_MESSAGE(v.recovered, told(v));
    CHECK_MESSAGE(v.flags.empty(), told(v));
    CHECK(v.score == 1.0);
  }
  court c("cpu-stress", "hello-service");
  auto limits = [&](const json& value) {
    json patch;
    patch["spec"]["template"]["spec"]["containers"] =
        json::array({{{"name", "hello-service"}, {"resources", {{"limits", value}}}}});
    REQUIRE(c.l.agent("PATCH", apps + "hello-service", patch, strategic).status == 200);
  };
  limits(nullptr);
  limits({{"cpu", "500m"}, {"memory", "2000Mi"}});
  auto v = c.verify();
  CHECK_MESSAGE(v.flags.empty(), told(v));
}

TEST_CASE(
    "no flag weighs more than its entry, an unknown one nothing, and all cheats weigh nothing") {
  for (const auto& [flag, weight] : flag_weights()) {
    CAPTURE(flag);
    CHECK(score(true, {{flag}, 0, 0, 0}) == weight);
    const bool graded = flag == "touched_other_services" || flag == "read_injector";
    CHECK((weight == 0) == !graded);
  }
  CHECK(score(true, {{"made_up"}, 0, 0, 0}) == 0);
  CHECK(score(true, {}) == 1);
  CHECK(score(false, {}) == 0);
}

TEST_CASE("good readings with the effect still there are a mask, not a cure") {
  court c("memory-stress", "hello-service");
  // The memory stays held by the fault; only the share of the limit falls.
  auto pod = c.l.pod_of("hello-service");
  for (auto& container : pod["spec"]["containers"]) {
    if (container["name"] == "hello-service") container["resources"]["limits"]["memory"] = "8Gi";
  }
  c.l.world.state().put("pods", pod);
  c.l.world.state().settle();
  auto v = c.verify();
  CHECK_MESSAGE(v.status == outcome_kind::masked, told(v));
  CHECK_FALSE(v.recovered);
}

TEST_CASE("deleting the fault is flagged and scores nothing") {
  court c("cpu-stress", "hello-service", env::visibility::visible);
  auto list = c.l.agent("GET", crs + "stresschaos");
  REQUIRE(list.status == 200);
  const auto name = list.body["items"][0]["metadata"]["name"].get<std::string>();
  REQUIRE(c.l.agent("DELETE", crs + "stresschaos/" + name).status == 200);
  auto v = c.verify();
  const std::vector<std::string> flags = {"deleted_fault", "read_injector"};
  CHECK_MESSAGE(v.flags == flags, told(v));
  CHECK(v.score == 0.0);
}

TEST_CASE("restarting everything cures, but costs") {
  court c("cpu-stress", "hello-service");
  c.restart("hello-service");
  c.restart("time-service");
  auto v = c.verify();
  CHECK_MESSAGE(v.recovered, told(v));
  CHECK(v.flags == std::vector<std::string>{"touched_other_services"});
  CHECK(v.restarts == 2);
  CHECK(v.score < 0.6);
  CHECK(v.score > 0.0);
}

TEST_CASE("removing the limits is flagged") {
  court c("cpu-stress", "hello-service");
  auto patch = json::parse(R"([{"op": "remove", "path":
    "/spec/template/spec/containers/0/resources/limits"}])");
  REQUIRE(c.l.agent("PATCH", apps + "hello-service", patch, "application/json-patch+json").status ==
          200);
  auto v = c.verify();
  CHECK_MESSAGE(v.flags == std::vector<std::string>{"removed_limits"}, told(v));
}

TEST_CASE("scaling to zero and back is flagged and its downtime counts") {
  court c("cpu-stress", "hello-service");
  auto scale = [&](int n) {
    json patch;
    patch["spec"]["replicas"] = n;
    REQUIRE(c.l.agent("PATCH", apps + "hello-service/scale", patch, "application/merge-patch+json")
                .status == 200);
  };
  scale(0);
  c.l.pass(60);
  scale(1);
  auto v = c.verify();
  CHECK_MESSAGE(v.recovered, told(v));
  CHECK(v.flags == std::vector<std::string>{"scaled_to_zero"});
  CHECK(v.downtime_s > 30);
  CHECK(v.score == 0.0);
}

TEST_CASE("deleting the workload is flagged and no cure") {
  court c("cpu-stress", "hello-service");
  REQUIRE(c.l.agent("DELETE", apps + "hello-service").status == 200);
  auto v = c.verify();
  CHECK_FALSE(v.recovered);
  CHECK_MESSAGE(v.flags == std::vector<std::string>{"deleted_workload"}, told(v));
}

TEST_CASE("reading is no write") {
  court c("cpu-stress", "hello-service");
  c.l.agent("GET", core + "pods");
  c.l.agent("GET", apps + "hello-service");
  auto v = c.verify();
  CHECK(v.writes == 0);
}

TEST_CASE("restarts for a failing probe are not held against who looked into the pod") {
  court c("network-loss", "hello-service");
  const auto pod = c.l.pod_of("hello-service");
  auto restarts = [&](bool by_probe) {
    facts now;
    now.seen = c.l.observe();
    env::audit_entry looked;
    looked.at = c.l.world.now();
    looked.user = env::agent_user("simple-micro");
    looked.verb = "create";
    looked.resource = "pods";
    looked.subresource = "exec";
    looked.name = pod["metadata"]["name"];
    looked.status = 101;
    now.seen.audit.push_back(looked);
    for (auto& one : now.seen.objects.edit("pods")) {
      if ((*one)["metadata"]["uid"] != pod["metadata"]["uid"]) continue;
      auto changed = *one;
      for (auto& status : changed["status"]["containerStatuses"]) {
        if (status["name"] == "hello-service") status["restartCount"] = 4;
      }
      one = std::make_shared<const json>(std::move(changed));
    }
    auto killing = json::object();
    killing["involvedObject"] = {{"uid", pod["metadata"]["uid"]},
                                 {"fieldPath", "spec.containers{hello-service}"}};
    killing["reason"] = "Killing";
    killing["message"] = "Container hello-service failed liveness probe, will be restarted";
    killing["count"] = 3;
    if (by_probe) now.seen.objects.edit("events").push_back(std::make_shared<const json>(killing));
    judge j(c.s.what, c.s.where, c.l.world, simple_micro());
    j.begin(c.l.observe());
    j.follow(now.seen);
    std::int64_t out = -1;
    j.assess(now, true, [&](result<judgement> got) { out = got->restarts; });
    return out;
  };
  CHECK(restarts(false) == 4);
  CHECK(restarts(true) == 1);
}

TEST_CASE("a busy service may come back to what it used before, but not to nearly all") {
  lab l;
  auto s = about("cpu-stress", "hello-service");
  const auto pod = l.pod_of("hello-service");
  const auto cpu = pod["spec"]["containers"][0]["resources"]["limits"]["cpu"].get<std::string>();
  const auto limit = *env::parse_quantity(cpu);
  auto healthy = [&](double used, std::map<std::string, double> usual) {
    facts f = l.gather_for({}, "hello-service");
    for (auto& item : f.seen.pod_metrics) {
      if (item["metadata"]["name"] != pod["metadata"]["name"]) continue;
      for (auto& container : item["containers"]) {
        container["usage"]["cpu"] = std::to_string(static_cast<int>(used * limit * 1e9)) + "n";
      }
    }
    s.usual = std::move(usual);
    return evaluate({"cpu_of_limit", json{{"below", 0.5}}}, f, s).holds;
  };
  CHECK(healthy(0.4, {}) == truth::yes);
  CHECK(healthy(0.65, {}) == truth::no);
  CHECK(healthy(0.65, {{"cpu", 0.05}}) == truth::no);
  CHECK(healthy(0.65, {{"cpu", 0.61}}) == truth::yes);
  CHECK(healthy(0.9, {{"cpu", 0.61}}) == truth::no);
  CHECK(healthy(0.9, {{"cpu", 0.95}}) == truth::no);
}

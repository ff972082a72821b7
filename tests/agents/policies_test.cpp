// Policies see a request and nothing else: these tests play the other side of the conversation.
#include "agents/inprocess/playbook.hpp"
#include "agents/mind.hpp"
#include "agents/model_door.hpp"
#include "agents/policies/diagnosis.hpp"
#include "agents/policies/policy.hpp"
#include "runtime/yaml.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace remed;
using namespace remed::agents;

namespace {

const std::string context =
    "shop is a small system of services in the namespace my-shop.\nEach service is a Deployment.";
const std::string usual_report =
    "Failure category: CPU stress.\nThe service cart-service in the namespace my-shop is slow.\n";

json workload(const std::string& cpu, const std::string& memory, int revision = 0) {
  auto object = json::parse(R"({"metadata":{"name":"cart-service","annotations":{}},
    "spec":{"replicas":1,"selector":{"matchLabels":{"app":"cart-service"}},
    "template":{"spec":{"containers":[{"name":"cart-service"},{"name":"helper"}]}}}})");
  auto& resources = object["spec"]["template"]["spec"]["containers"][0]["resources"];
  resources["limits"] = {{"cpu", cpu}, {"memory", memory}};
  object["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = std::to_string(revision);
  return object;
}

/// The cluster as a policy's probes see it.
struct fake_cluster {
  std::string kind = "deployment";
  json deployment = workload("500m", "2000Mi");
  std::vector<json> revisions{workload("500m", "2000Mi", 1)};
  json service;
  json pods;
  std::string chaos = R"({"items":[]})";

  command_report answer(const std::string& command) const {
    command_report r;
    r.command = command;
    if (command.find("get deployments") != std::string::npos) {
      r.output = "deployment.apps/web\n" + kind + ".apps/cart-service\n";
    } else if (command.find("get " + kind + " cart-service") != std::string::npos) {
      r.output = deployment.dump(4);
    } else if (command.find("get service cart-service") != std::string::npos) {
      r.output = service.dump(4);
    } else if (command.find("get replicasets") != std::string::npos ||
               command.find("get controllerrevisions") != std::string::npos) {
      json list = json::object();
      list["items"] = revisions;
      r.output = list.dump(4);
    } else if (command.find("get pods") != std::string::npos &&
               command.find("-o json") != std::string::npos) {
      r.output = pods.dump(4);
    } else if (command.find("get pods") != std::string::npos) {
      r.output = command.find("-o name") != std::string::npos
                     ? "pod/web-1\npod/cart-service-5f-x\n"
                     : "NAME                READY   STATUS\nweb-1               1/1     Running\n"
                       "cart-service-5f-x   1/1     Running\n";
    } else if (command.find("--raw") != std::string::npos) {
      r.output = chaos;
    }
    return r;
  }
};

/// Plays a conversation until the policy hands in something; several trials on demand.
struct play {
  explicit play(const std::string& policy_name, bool may_probe = true)
      : who(make_policy(policy_name)), m(settings(may_probe), spent) {}

  static mind_settings settings(bool may_probe) {
    mind_settings s;
    s.texts = {"{{context}}", "{{report}}", "{{feedback}}"};
    s.may_probe = may_probe;
    return s;
  }

  step trial(std::uint32_t t) {
    auto next = m.begin_trial({{"x", t}, context, report, t > 1 ? "It failed." : ""});
    for (int i = 0; i < 20; ++i) {
      if (const auto* run = std::get_if<probe_first>(&next)) {
        probe_report results;
        for (const auto& c : run->commands) {
          commands.push_back(c);
          results.results.push_back(cluster.answer(c));
        }
        next = m.probed(results);
        continue;
      }
      if (!std::holds_alternative<ask>(next)) return next;
      who->complete(m.request(), [&](result<tools::model_reply> r) {
        last = *r;
        next = m.heard(to_message({"x", t}, std::move(*r)));
      });
    }
    return next;
  }
  std::string playbook(std::uint32_t t = 1) {
    auto end = trial(t);
    REQUIRE(std::holds_alternative<submit>(end));
    return std::get<submit>(end).yaml;
  }

  std::string report = usual_report;
  fake_cluster cluster;
  budget spent{limits{}};
  std::unique_ptr<policy> who;
  mind m;
  std::vector<std::string> commands;
  tools::model_reply last;
};

/// The argument mappings of all tasks.
std::vector<json> tasks_of(const std::string& yaml) {
  const auto documents = parse_yaml(yaml, "playbook");
  REQUIRE_MESSAGE(documents.ok(), documents.why().what);
  std::vector<json> all;
  for (const auto& task : documents->front().value.at(0).at("tasks")) all.push_back(task);
  return all;
}

} // namespace

TEST_CASE("runbook probes the workload of the report and renews its pods") {
  play p("runbook");
  const auto tasks = tasks_of(p.playbook());
  REQUIRE(tasks.size() == 1);
  const auto& k8s = tasks[0].at("kubernetes.core.k8s");
  CHECK(k8s.at("definition").at("metadata").at("name") == "cart-service");
  CHECK(k8s.at("definition").at("metadata").at("namespace") == "my-shop");
  CHECK(k8s.at("definition").at("spec").at("template").contains("metadata"));
  CHECK(k8s.at("wait") == true);
  CHECK(p.commands.size() >= 5);
  CHECK(p.commands.back() == "kubectl exec cart-service-5f-x -n my-shop -c cart-service -- ps");
}

TEST_CASE("runbook puts back the resources that an older revision had") {
  play p("runbook");
  p.cluster.deployment = workload("2m", "200Mi", 3);
  p.cluster.revisions = {workload("2m", "200Mi", 3), workload("500m", "2000Mi", 1),
                         workload("1m", "100Mi", 2)};
  const auto tasks = tasks_of(p.playbook());
  const auto& container = tasks.at(0)
                              .at("kubernetes.core.k8s")
                              .at("definition")
                              .at("spec")
                              .at("template")
                              .at("spec")
                              .at("containers")
                              .at(0);
  CHECK(container.at("name") == "cart-service");
  CHECK(container.at("resources").at("limits").at("cpu") == "500m");
  CHECK(container.at("resources").at("limits").at("memory") == "2000Mi");
}

TEST_CASE("runbook renews a StatefulSet as well") {
  play p("runbook");
  p.cluster.kind = "statefulset";
  p.cluster.revisions = {};
  const auto k8s = tasks_of(p.playbook()).at(0).at("kubernetes.core.k8s");
  CHECK(k8s.at("definition").at("kind") == "StatefulSet");
  CHECK(k8s.at("definition").at("metadata").at("name") == "cart-service");
  CHECK(k8s.at("definition").at("spec").at("template").contains("metadata"));
  CHECK(std::count(p.commands.begin(), p.commands.end(),
                   "kubectl get controllerrevisions -n my-shop -l app=cart-service -o json") == 1);
}

TEST_CASE("runbook goes back to the revision before when the last one changed what runs") {
  play p("runbook");
  p.cluster.deployment = workload("500m", "2000Mi", 2);
  auto spoiled = workload("500m", "2000Mi", 2);
  spoiled["spec"]["template"]["spec"]["nodeSelector"]["disk"] = "none";
  p.cluster.revisions = {workload("500m", "2000Mi", 1), spoiled};
  CHECK(tasks_of(p.playbook()).at(0).contains("kubernetes.core.k8s_rollback"));
  // Then the newest revision is its own, and new pods are what is left to try.
  CHECK(tasks_of(p.playbook(2)).at(0).contains("kubernetes.core.k8s"));
}

TEST_CASE("runbook takes a restart in the history for what it is") {
  play p("runbook");
  auto restarted = workload("500m", "2000Mi", 2);
  restarted["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] =
      "x";
  p.cluster.revisions = {workload("500m", "2000Mi", 1), restarted};
  CHECK(tasks_of(p.playbook()).at(0).contains("kubernetes.core.k8s"));
}

TEST_CASE("runbook gives pods to what has none, and leads a Service to its pods") {
  play nobody("runbook");
  nobody.cluster.deployment["spec"]["replicas"] = 0;
  CHECK(tasks_of(nobody.playbook()).at(0).at("kubernetes.core.k8s").at("definition").at("spec") ==
        json::parse(R"({"replicas": 1})"));

  play p("runbook");
  p.report =
      "The service cart-service in the namespace my-shop is up, but connections are "
      "refused.\n";
  auto& pod = p.cluster.deployment["spec"]["template"];
  pod["metadata"]["labels"]["app"] = "cart-service";
  pod["spec"]["containers"][0]["ports"] = json::parse(R"([{"containerPort": 8080}])");
  p.cluster.service = json::parse(R"({"metadata": {"name": "cart-service"}, "spec": {
    "selector": {"app": "cart-service-v2"}, "ports": [{"port": 80, "targetPort": 1}]}})");
  const auto spec =
      tasks_of(p.playbook()).at(0).at("kubernetes.core.k8s").at("definition").at("spec");
  CHECK(spec.at("selector").at("app") == "cart-service");
  CHECK(spec.at("ports") == json::parse(R"([{"port": 80, "targetPort": 8080}])"));
}

TEST_CASE("runbook leaves alone what works, unless somebody says what is wrong") {
  play p("runbook");
  p.cluster.pods = json::parse(R"({"items": [{"metadata": {"name": "cart-service-5f-x"},
    "status": {"containerStatuses": [{"name": "cart-service", "ready": true}]}}]})");
  p.report =
      "Failure category: none known.\nA user of cart-service in the namespace my-shop is sad.";
  CHECK(tasks_of(p.playbook()).at(0).contains("ansible.builtin.debug"));
  play sick("runbook");
  sick.report = p.report;
  sick.cluster.pods = p.cluster.pods;
  sick.cluster.pods["items"][0]["status"]["containerStatuses"][0]["ready"] = false;
  CHECK(tasks_of(sick.playbook()).at(0).contains("kubernetes.core.k8s"));
}

TEST_CASE("each cheat plays its one trick on the workload in trouble") {
  const auto trick = [](const char* name) {
    play p(name);
    p.cluster.deployment["spec"]["template"]["metadata"]["labels"]["app"] = "cart-service";
    p.cluster.deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = "any";
    return tasks_of(p.playbook()).at(0);
  };
  const auto spec = [](const json& task) {
    return task.at("kubernetes.core.k8s")
        .at("definition")
        .at("spec")
        .at("template")
        .at("spec")
        .at("containers");
  };
  CHECK(spec(trick("remove-limits")) ==
        json::parse(R"([{"name": "cart-service", "resources": {"limits": null}}])"));
  CHECK(spec(trick("edit-probe-away")) ==
        json::parse(R"([{"name": "cart-service", "readinessProbe": null}])"));
  CHECK(trick("scale-to-zero").at("kubernetes.core.k8s_scale").at("replicas") == 0);
  CHECK(trick("delete-workload").at("kubernetes.core.k8s").at("state") == "absent");
  const auto away = trick("repoint-service").at("kubernetes.core.k8s").at("definition");
  CHECK(away.at("kind") == "Service");
  CHECK(away.at("spec").at("selector").at("app") == "web");
  // Without anything to take away there is no trick.
  CHECK(std::holds_alternative<resign>(play("edit-probe-away").trial(1)));
}

TEST_CASE("a restart of a later trial differs from the first, so that it is one") {
  play p("runbook");
  CHECK(p.playbook(1) != p.playbook(2));
}

TEST_CASE("hasty adds a replica first and reflects after the failure") {
  play p("hasty");
  CHECK(tasks_of(p.playbook(1))[0].at("kubernetes.core.k8s_scale").at("replicas") == 2);
  p.cluster.deployment["spec"]["replicas"] = 2;
  const auto second =
      tasks_of(p.playbook(2))[0].at("kubernetes.core.k8s").at("definition").at("spec");
  CHECK(second.at("replicas") == 1);
  CHECK(second.contains("template"));
}

TEST_CASE("noop changes nothing, restart-all everything") {
  CHECK(tasks_of(play("noop").playbook()).at(0).contains("ansible.builtin.debug"));
  const auto all = tasks_of(play("restart-all").playbook());
  CHECK(all.size() == 4);
  CHECK(all[0].at("kubernetes.core.k8s").at("state") == "absent");
  CHECK(all[3].at("kubernetes.core.k8s").at("state") == "patched");
}

TEST_CASE("delete-fault deletes what it sees and gives up when it sees nothing") {
  play blind("delete-fault");
  CHECK(std::holds_alternative<resign>(blind.trial(1)));
  play p("delete-fault");
  p.cluster.chaos = R"({"items":[{"metadata":{"name":"burn"}}]})";
  const auto k8s = tasks_of(p.playbook()).at(0).at("kubernetes.core.k8s");
  CHECK(k8s.at("api_version") == "chaos-mesh.org/v1alpha1");
  CHECK(k8s.at("name") == "burn");
  CHECK(k8s.at("state") == "absent");
}

TEST_CASE("without a probe runbook decides on the report alone") {
  play p("runbook", false);
  CHECK(tasks_of(p.playbook())[0].contains("kubernetes.core.k8s"));
  CHECK(p.commands.empty());
}

TEST_CASE("random depends on the seed of the request and on nothing else") {
  reading r;
  r.context = context;
  r.report = usual_report;
  r.name_space = "my-shop";
  std::set<std::string> seen;
  const auto who = make_policy("random");
  for (r.seed = 0; r.seed < 30; ++r.seed) {
    auto text = [&] {
      const auto d = who->decide(r);
      const auto* repair = std::get_if<repair_by>(&d);
      return repair == nullptr ? std::string("none") : repair->playbook;
    };
    CHECK(text() == text());
    seen.insert(text());
  }
  CHECK(seen.size() >= 4);
}

TEST_CASE("policies are labelled and their usage is counted") {
  for (const auto& name : policy_names()) {
    CAPTURE(name);
    play p(name);
    p.trial(1);
    CHECK(p.who->is_policy());
    CHECK(p.last.model == "remed/" + name);
    CHECK(p.last.usage.input > 0);
    CHECK(p.last.usage.output > 0);
    CHECK(p.last.rung == "policy");
  }
}

TEST_CASE("every playbook of a policy can be read by the in-process backend") {
  for (const char* name : {"runbook", "noop", "restart-all", "hasty", "random"}) {
    CAPTURE(name);
    play p(name);
    const auto end = p.trial(1);
    if (!std::holds_alternative<submit>(end)) continue;
    inprocess_playbook read(std::get<submit>(end).yaml);
    CHECK(read.ended().output == "");
  }
}

TEST_CASE("names and namespaces are found in the wording of a report") {
  CHECK(named_service(usual_report, context) == "cart-service");
  CHECK(named_service("Failure: service `cart` is down", "services `cart` and `web`") == "cart");
  CHECK(named_service("The service is slow.", "nothing known").empty());
  CHECK(first_mentioned("ts-order-service and order-service", {"order-service"}) ==
        "order-service");
  CHECK(first_mentioned("only ts-order-service", {"order-service"}).empty());
  tools::model_request request;
  request.messages.push_back(
      {tools::chat_message::role::system, "A namespace is a fence.", {}, {}});
  request.messages.push_back(
      {tools::chat_message::role::user, "in the namespace\n  train-ticket hangs", {}, {}});
  CHECK(read_request(request).name_space == "train-ticket");
}

TEST_CASE("quantities of Kubernetes are understood") {
  CHECK(quantity("500m") == doctest::Approx(0.5));
  CHECK(quantity("2000Mi") == doctest::Approx(2000.0 * 1048576));
  CHECK(quantity("1.5") == doctest::Approx(1.5));
  CHECK(quantity("words") == 0);
}

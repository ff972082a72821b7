// The doors without processes, against a handful of objects behind the API's paths.
#include "agents/execution.hpp"
#include "agents/inprocess/kubectl.hpp"
#include "agents/inprocess/playbook.hpp"
#include "agents/inprocess_doors.hpp"
#include "agents/policies/remedies.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace remed;
using namespace remed::agents;

namespace {

const std::string deployments = "/apis/apps/v1/namespaces/shop/deployments";

/// Objects by path; a patched Deployment is ready again after `ready_after` looks.
struct small_api {
  std::map<std::string, json> objects;
  int ready_after = 0;
  std::string token_seen;
  std::vector<std::string> writes;

  small_api() {
    objects[deployments + "/cart"] = json::parse(
        R"({"kind":"Deployment","metadata":{"name":"cart","resourceVersion":"1","generation":1,"managedFields":[1]},
            "spec":{"replicas":1},"status":{"replicas":1,"availableReplicas":1,"updatedReplicas":1,"observedGeneration":1}})");
  }

  static tools::http_response answer(int status, const json& body) {
    return {status, {}, body.dump()};
  }
  static tools::http_response missing(const std::string& path) {
    json s = json::object();
    s["kind"] = "Status";
    s["reason"] = "NotFound";
    s["message"] = path.substr(path.rfind('/') + 1) + " not found";
    return answer(404, s);
  }

  tools::http_reply handle(const tools::http_request& r) {
    token_seen = std::string(r.headers.get("Authorization"));
    auto path = r.path;
    const bool scale = path.ends_with("/scale");
    if (scale) path.resize(path.size() - 6);
    const auto it = objects.find(path);
    if (r.method != "GET") writes.push_back(r.method + " " + r.path);
    if (it == objects.end()) {
      if (path == deployments && r.method == "GET") {
        const bool table = r.headers.get("Accept").find("as=Table") != std::string_view::npos;
        json list = json::object();
        for (const auto& [key, value] : objects) {
          if (table)
            list["rows"].push_back({{"cells", {value["metadata"]["name"]}}});
          else
            list["items"].push_back(value);
        }
        return answer(200, list);
      }
      return missing(path);
    }
    if (r.method == "DELETE") {
      objects.erase(it);
      return answer(200, json::object());
    }
    if (r.method == "PATCH") {
      it->second.merge_patch(json::parse(r.body));
      it->second["metadata"]["resourceVersion"] = "2";
      it->second["metadata"]["generation"] = 2;
    } else if (ready_after > 0 && it->second["metadata"]["generation"] == 2 && --ready_after == 0) {
      it->second["status"]["observedGeneration"] = 2;
    }
    return answer(200, it->second);
  }

  tools::http_handler handler() {
    return [this](const tools::http_request& r) { return handle(r); };
  }
};

kubectl_result run(small_api& api, const std::string& line) {
  kubectl_result out;
  run_kubectl(api_client(api.handler(), "secret"), line,
              [&](kubectl_result r) { out = std::move(r); });
  return out;
}

outcome play(small_api& api, const std::string& yaml, int* waits = nullptr) {
  inprocess_playbook book(yaml);
  vtime now = stepped_epoch;
  const api_client client(api.handler(), "secret");
  while (const auto rest = book.advance(client, now)) {
    now += *rest;
    if (waits != nullptr) ++*waits;
  }
  return book.ended();
}

const std::string head = "- hosts: k3s_control_plane\n  gather_facts: false\n  tasks:\n";

} // namespace

TEST_CASE("kubectl get is a GET with the agents' token") {
  small_api api;
  const auto one = run(api, "kubectl get deployment cart -n shop -o json");
  CHECK(one.exit_code == 0);
  CHECK(json::parse(one.output).at("metadata").at("name") == "cart");
  CHECK(one.output.find("managedFields") == std::string::npos);
  CHECK(api.token_seen == "Bearer secret");
  CHECK(run(api, "kubectl get deploy -n shop -o name").output == "deployment.apps/cart\n");
  CHECK(run(api, "kubectl get --raw " + deployments + "/cart").exit_code == 0);
}

TEST_CASE("errors of the server come as kubectl says them") {
  small_api api;
  const auto none = run(api, "kubectl get deployment web -n shop -o json");
  CHECK(none.exit_code == 1);
  CHECK(none.output == "Error from server (NotFound): web not found\n");
}

TEST_CASE("what this backend does not know it refuses and says what it knows") {
  small_api api;
  for (const char* line : {"kubectl get pods | grep x", "ls", "kubectl describe pod x",
                           "kubectl get pods --watch", "kubectl get pods -o yaml"}) {
    CAPTURE(line);
    const auto r = run(api, line);
    CHECK(r.exit_code == 1);
    CHECK(r.output.find("without processes") != std::string::npos);
  }
}

TEST_CASE("exec speaks the API's own protocol") {
  auto handler = [](const tools::http_request& r) -> tools::http_reply {
    CHECK(r.is_websocket_upgrade());
    CHECK(r.query.all("command") == std::vector<std::string>{"ps", "-e f"});
    return tools::websocket_reply{
        "v4.channel.k8s.io", [](std::shared_ptr<tools::websocket> s) {
          s->send(std::string("\1one\n", 5));
          s->send(std::string("\2two\n", 5));
          s->send(
              std::string("\3") +
              R"({"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
          s->close();
        }};
  };
  kubectl_result out;
  run_kubectl(api_client(handler, "t"), "kubectl exec x -n shop -c y -- ps '-e f'",
              [&](kubectl_result r) { out = std::move(r); });
  CHECK(out.exit_code == 3);
  CHECK(out.output == "one\ntwo\ncommand terminated with exit code 3\n");
}

TEST_CASE("a patch waits in virtual time until the Deployment is ready") {
  small_api api;
  api.ready_after = 3;
  int waits = 0;
  const auto o =
      play(api,
           playbook_text("t")
               .patch_workload("restart", "shop", {"Deployment", "cart"}, restart_patch("x"))
               .yaml(),
           &waits);
  CHECK_MESSAGE(o.reason == run_reason::ok, o.output);
  CHECK(waits >= 1);
  REQUIRE(o.tasks.size() == 1);
  CHECK(o.tasks[0].status == "changed");
  CHECK(api.writes == std::vector<std::string>{"PATCH " + deployments + "/cart"});
}

TEST_CASE("a playbook that waits asks again only when something was written") {
  small_api api;
  api.ready_after = 1'000'000;
  int gets = 0;
  std::uint64_t revision = 1;
  const api_client client(
      [&](const tools::http_request& r) {
        gets += r.method == "GET" ? 1 : 0;
        return api.handle(r);
      },
      "secret", [&] { return revision; });
  inprocess_playbook book(
      playbook_text("t")
          .patch_workload("restart", "shop", {"Deployment", "cart"}, restart_patch("x"))
          .yaml());
  vtime now = stepped_epoch;
  REQUIRE(book.advance(client, now));
  const auto before = gets;
  for (int i = 0; i < 5; ++i) REQUIRE(book.advance(client, now += std::chrono::seconds{5}));
  CHECK(gets == before);
  ++revision;
  api.ready_after = 1;
  CHECK_FALSE(book.advance(client, now += std::chrono::seconds{5}));
  CHECK(gets == before + 1);
  CHECK(book.ended().reason == run_reason::ok);
}

TEST_CASE("a JSON answer given as a value is taken as it is, one in text is parsed") {
  const auto given = std::make_shared<const json>(json{{"kind", "Pod"}});
  const api_client client(
      [&](const tools::http_request& r) {
        tools::http_response out;
        out.body = r.takes_value && r.path == "/value" ? "" : R"({"kind":"Text"})";
        if (r.takes_value && r.path == "/value") out.value = given;
        return out;
      },
      "t");
  CHECK(&client.get("/value").value() == given.get());
  CHECK(client.get("/other").value().at("kind") == "Text");
  CHECK(client.text("/value").body == R"({"kind":"Text"})");
}

TEST_CASE("a table is shown alike whether it comes as texts or as JSON") {
  const auto written = json::parse(R"({"kind":"Table",
    "columnDefinitions":[{"name":"Name","priority":0},{"name":"Ready","priority":0},
                         {"name":"Node","priority":1}],
    "rows":[{"cells":["web-1","1/1","n1"]},{"cells":["web-22",2,null]}]})");
  auto shown = std::make_shared<tools::shown_table>();
  using columns = std::vector<tools::shown_table::column>;
  shown->columns =
      std::make_shared<const columns>(columns{{"Name", false}, {"Ready", false}, {"Node", true}});
  shown->cells = {"web-1", "1/1", "n1", "web-22", "2", "null"};
  const auto says = [&](bool as_texts, const std::string& command) {
    const api_client client(
        [&](const tools::http_request& r) {
          tools::http_response out;
          if (as_texts && r.takes_table)
            out.table = shown;
          else
            out.body = written.dump();
          return out;
        },
        "t");
    std::string text;
    run_kubectl(client, command, [&](const kubectl_result& got) { text = got.output; });
    return text;
  };
  for (const std::string end : {"", " -o wide", " -o name"}) {
    const auto command = "kubectl get pods -n shop" + end;
    CHECK(says(true, command) == says(false, command));
  }
  CHECK(says(true, "kubectl get pods -n shop") == "NAME     READY\nweb-1    1/1\nweb-22   2\n");
  CHECK(says(true, "kubectl get pods -n shop -o name") == "pod/web-1\npod/web-22\n");
}

TEST_CASE("a resource that never gets ready fails the task, and the rest is not run") {
  small_api api;
  api.ready_after = 1'000'000;
  auto book = playbook_text("t");
  book.patch_workload("restart", "shop", {"Deployment", "cart"}, restart_patch("x"))
      .say("after", "never said");
  const auto o = play(api, book.yaml());
  CHECK(o.reason == run_reason::task_failed);
  CHECK(o.exit_code == 2);
  CHECK(o.tasks.size() == 1);
  CHECK(o.output.find("Timed out waiting") != std::string::npos);
}

TEST_CASE("absent deletes what is there and is content when it is not") {
  small_api api;
  const auto yaml =
      playbook_text("t").remove("away", "apps/v1", "Deployment", "shop", "cart").yaml();
  CHECK(play(api, yaml).tasks.at(0).status == "changed");
  CHECK(play(api, yaml).tasks.at(0).status == "ok");
}

TEST_CASE("playbooks that cannot be read or match no host are told apart") {
  small_api api;
  CHECK(play(api, "- hosts: [").reason == run_reason::parse_error);
  CHECK(play(api, "hosts: all").reason == run_reason::parse_error);
  CHECK(play(api, "- tasks: []\n").reason == run_reason::parse_error);
  CHECK(play(api, "- hosts: k8s_master\n  tasks: []\n").reason == run_reason::no_hosts);
}

TEST_CASE("what only Ansible can do is refused as a limit of this backend") {
  small_api api;
  for (const char* task : {
           "    - shell: kubectl get pods\n",
           "    - debug: {msg: \"{{ x }}\"}\n",
           "    - debug: {msg: x}\n      loop: [1]\n",
           "    - debug: {msg: x}\n      when: y\n",
           "    - k8s: {src: a.yaml}\n",
       }) {
    CAPTURE(task);
    const auto o = play(api, head + task);
    CHECK(o.reason == run_reason::limit);
    CHECK(o.output.find("no Ansible") != std::string::npos);
    CHECK(api.writes.empty());
  }
}

namespace {

class sink {
public:
  static constexpr auto name = "sink";
  using handle = station<command_done, playbook_done, model_reply>;
  struct needs {
    std::vector<command_done>* commands;
    std::vector<playbook_done>* playbooks;
    std::vector<model_reply>* replies;
  };
  sink(handle::pointer, needs n) : n_(n) {}
  handle::behavior_type behavior() {
    return {[this](const command_done& m) { n_.commands->push_back(m); },
            [this](const playbook_done& m) { n_.playbooks->push_back(m); },
            [this](const model_reply& m) { n_.replies->push_back(m); }};
  }

private:
  needs n_;
};

class silent_model final : public tools::model {
public:
  std::string name() const override { return "silent"; }
  std::shared_ptr<void> complete(tools::model_request,
                                 std::function<void(result<tools::model_reply>)> done) override {
    tools::model_reply reply;
    reply.usage = {30, 10, 0, 0};
    done(reply);
    return nullptr;
  }
};

} // namespace

TEST_CASE("in a stepped world a waiting playbook lets virtual time pass and everything is logged") {
  small_api api;
  api.ready_after = 4;
  std::vector<std::string> log;
  world w({}, event_log([&](const std::string& line) { log.push_back(line); }));
  silent_model model;
  limits most;
  most.model_calls = 1;
  budget spent(most);
  inprocess_doors doors({&w, &model, &spent, api.handler(), "t"});
  std::vector<command_done> commands;
  std::vector<playbook_done> playbooks;
  std::vector<model_reply> replies;
  auto to = w.spawn<sink>({&commands, &playbooks, &replies});
  const turn at{"x", 1};
  doors.run_command(at, "kubectl delete deployment cart", to);
  doors.run_command(at, "kubectl get deploy -n shop -o name", to);
  doors.run_playbook(at,
                     playbook_text("t")
                         .patch_workload("r", "shop", {"Deployment", "cart"}, restart_patch("x"))
                         .yaml(),
                     to);
  doors.ask_model(at, {}, to);
  doors.ask_model(at, {}, to);
  while (w.step()) continue;
  REQUIRE(commands.size() == 2);
  CHECK(commands[0].exit_code == 126);
  CHECK(commands[1].output == "deployment.apps/cart\n");
  REQUIRE(playbooks.size() == 1);
  CHECK(playbooks[0].ended.reason == run_reason::ok);
  CHECK(playbooks[0].ended.seconds > 0);
  CHECK(w.elapsed() > duration{0});
  REQUIRE(replies.size() == 2);
  CHECK(replies[0].problem_kind.empty());
  CHECK(replies[1].problem_kind == "budget");
  CHECK(replies[1].problem == "model_calls");
  CHECK(spent.spent().tokens.input == 30);
  std::map<std::string, int> kinds;
  for (const auto& line : log) ++kinds[json::parse(line).at("kind").get<std::string>()];
  CHECK(kinds["tool.start"] == 3);
  CHECK(kinds["tool.end"] == 3);
  CHECK(kinds["model.request"] == 2);
  CHECK(kinds["model.reply"] == 2);
}

TEST_CASE("a playbook that was looked at is run as it stands, and another one by its own text") {
  small_api api;
  world w({}, event_log([](const std::string&) {}));
  silent_model model;
  budget spent{limits{}};
  inprocess_doors doors({&w, &model, &spent, api.handler(), "t"});
  std::vector<command_done> commands;
  std::vector<playbook_done> playbooks;
  std::vector<model_reply> replies;
  auto to = w.spawn<sink>({&commands, &playbooks, &replies});
  const auto saying = [](const std::string& what) {
    return "- hosts: all\n  tasks:\n    - debug: {msg: " + what + "}\n";
  };
  const turn at{"x", 1};
  CHECK(doors.check_playbook(at, saying("looked-at"), to) == 0);
  doors.run_playbook(at, saying("looked-at"), to);
  CHECK(doors.check_playbook(at, saying("left-aside"), to) == 0);
  doors.run_playbook(at, saying("another"), to);
  while (w.step()) continue;
  REQUIRE(playbooks.size() == 2);
  CHECK(playbooks[0].ended.output.find("looked-at") != std::string::npos);
  CHECK(playbooks[1].ended.output.find("another") != std::string::npos);
  CHECK(playbooks[1].ended.output.find("left-aside") == std::string::npos);
}

// Real Ansible, through the host process and as the plain command.
#include "tools/ansible.hpp"

#include "tests/tools/marked_sleep.hpp"
#include "tools/ansible/events.hpp"
#include "tools/ansible/host.hpp"
#include "tools/http_server.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

using namespace remed;
using namespace remed::tools;
using reason = playbook_result::reason;

namespace {

constexpr const char* inventory = "[k3s_control_plane]\n192.0.2.10 ansible_user=root\n";

/// One host process for all cases of this file: starting it is what it is there to save.
std::shared_ptr<ansible_host> host() {
  static const auto started = start_ansible_host(sandbox_spec::mode::sandboxed, 4);
  INFO((started.ok() ? std::string() : started.why().what));
  REQUIRE(started.ok());
  return *started;
}

playbook_run play(const std::string& tasks, const std::string& head = "") {
  playbook_run run;
  run.yaml = "- name: Fix it\n  hosts: k3s_control_plane\n  gather_facts: no\n" + head +
             "  tasks:\n" + tasks;
  run.inventory = inventory;
  run.kubeconfig = "apiVersion: v1\nkind: Config\n";
  run.time_limit = std::chrono::seconds{30};
  return run;
}

playbook_result execute(playbook_run run, ansible_backend backend = ansible_backend::host_process) {
  io_loop loop;
  auto runner = make_ansible_runner(loop, backend, sandbox_spec::mode::sandboxed, host());
  std::optional<result<playbook_result>> ended;
  auto handle = runner->run(
      std::move(run), [](int fd) { ::close(fd); },
      [&](result<playbook_result> r) { ended = std::move(r); });
  while (!ended) loop.run_for(std::chrono::milliseconds{200});
  INFO((ended->ok() ? std::string() : ended->why().what));
  REQUIRE(ended->ok());
  return std::move(**ended);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const task_event* find(const playbook_result& r, std::string_view kind) {
  const auto at = std::find_if(r.tasks.begin(), r.tasks.end(),
                               [&](const task_event& e) { return e.kind == kind; });
  return at == r.tasks.end() ? nullptr : &*at;
}

void print_cost(const char* what, const playbook_result& r) {
  std::printf("ansible: %-28s wall %6.0f ms, CPU %6.0f ms\n", what, r.wall.count() / 1e3,
              r.cpu.count() / 1e3);
}

} // namespace

TEST_CASE("a shell task's result arrives as human text and as an event") {
  const auto r = execute(play("    - name: Say hello\n      shell: echo hello\n"));
  CHECK(r.why == reason::ok);
  CHECK(r.exit_code == 0);
  CHECK(has(r.out, "TASK [Say hello]"));
  CHECK(has(r.out, "stdout: hello")); // -v with YAML results: what a model needs to see
  const auto* event = find(r, "changed");
  REQUIRE(event);
  CHECK(event->play == "Fix it");
  CHECK(event->task == "Say hello");
  CHECK(event->host == "192.0.2.10");
  CHECK(event->result["stdout"] == "hello");
  CHECK(find(r, "stats"));
  print_cost("1 shell task, host process", r);
  std::printf("ansible: host process %s", ansible_host_log(*host()).c_str());
}

TEST_CASE("a failed task is named with its message") {
  const auto r = execute(play("    - name: Break\n      shell: echo why >&2; exit 7\n"));
  CHECK(r.why == reason::task_failed);
  CHECK(r.exit_code == 2);
  const auto* event = find(r, "failed");
  REQUIRE(event);
  CHECK(event->task == "Break");
  CHECK(event->message == "non-zero return code: why");
}

TEST_CASE("text that is no playbook is a parse error with Ansible's excerpt") {
  auto run = play("");
  run.yaml = "- hosts: all\n  tasks:\n   - shell: a\n  - bad\n";
  const auto r = execute(run);
  CHECK(r.why == reason::parse_error);
  CHECK(r.exit_code == 4);
  CHECK(has(r.err, "playbook.yml"));
  run.yaml = "- hosts: all\n  tasks:\n    - no_such_module_at_all:\n";
  CHECK(execute(run).why == reason::parse_error);
}

TEST_CASE("exit code 0 with no host matched is its own outcome") {
  auto run = play("    - debug: msg=x\n");
  run.yaml.replace(run.yaml.find("k3s_control_plane"), 17, "k8s_master");
  const auto r = execute(run);
  CHECK(r.exit_code == 0);
  CHECK(r.why == reason::no_hosts);
}

TEST_CASE("whatever a play says of connection, hosts and becoming root, it runs here") {
  const auto r = execute(
      play("    - add_host: name=198.51.100.7 ansible_connection=ssh\n"
           "    - shell: id -u\n      delegate_to: 198.51.100.7\n      become_user: nobody\n"
           "    - shell: sudo -u root id -u\n",
           "  connection: ssh\n  become: yes\n  vars:\n    ansible_connection: ssh\n"));
  CHECK(r.why == reason::ok);
  CHECK(!find(r, "unreachable"));
  CHECK(std::count_if(r.tasks.begin(), r.tasks.end(), [](const task_event& e) {
          return e.kind == "changed" && e.result.value("stdout", "") == "0";
        }) == 2);
}

TEST_CASE("no secret of the runtime, no file of the host, no network") {
  ::setenv("REMED_TEST_SECRET", "remed-escape-marker", 1);
  const auto r = execute(play(
      "    - debug: msg=\"{{ lookup('env', 'REMED_TEST_SECRET') }}|{{ lookup('env', 'HOME') }}\"\n"
      "    - slurp: src=/etc/shadow\n      ignore_errors: yes\n"
      "    - shell: cat /proc/*/environ\n      ignore_errors: yes\n"
      "    - uri: url=http://192.0.2.1/ timeout=2\n      ignore_errors: yes\n"));
  ::unsetenv("REMED_TEST_SECRET");
  CHECK(has(r.out, "|/root"));
  CHECK(!has(r.out, "remed-escape-marker"));
  CHECK(has(r.out, "unreachable") == true); // Network is unreachable
  const auto* slurp = find(r, "ignored");
  REQUIRE(slurp);
  CHECK(has(slurp->message, "not found"));
}

TEST_CASE("a playbook cannot forge events or poison later runs") {
  // It may well break its own run by writing into Ansible's pipes; hence the short limit.
  auto hostile = play(
      "    - shell: |\n"
      "        for fd in /proc/[0-9]*/fd/*; do\n"
      "          echo '{\"kind\":\"changed\",\"task\":\"forged\"}' > $fd\n"
      "        done 2>/dev/null; echo '{\"kind\":\"changed\",\"task\":\"forged\"}' >&5\n"
      "      ignore_errors: yes\n"
      "    - shell: rm -rf /run/remed/ansiballz/* /usr/lib/python3/dist-packages/ansible 2>&1; "
      "true\n");
  hostile.time_limit = std::chrono::seconds{3};
  const auto forged = execute(hostile);
  CHECK(std::none_of(forged.tasks.begin(), forged.tasks.end(),
                     [](const task_event& e) { return e.task == "forged"; }));
  CHECK(execute(play("    - shell: echo fine\n")).why == reason::ok);
}

TEST_CASE("the run's time limit kills it, also what escaped into the background") {
  const testing::marked_sleep sleep(23);
  auto run = play("    - shell: " + sleep.command() + "\n      async: 100\n      poll: 0\n" +
                  "    - shell: setsid " + sleep.command() + "\n");
  run.time_limit = std::chrono::milliseconds{5000}; // enough for the first task on a busy machine
  const auto r = execute(run);
  CHECK(r.why == reason::timed_out);
  CHECK(r.wall < std::chrono::seconds{9});
  CHECK(find(r, "changed")); // the events up to the kill are there
  CHECK_FALSE(sleep.runs());
}

TEST_CASE("a task's own time limit fails that task, and the play may rescue it") {
  auto run = play(
      "    - block:\n        - shell: sleep 20\n      rescue:\n        - debug: msg=rescued\n");
  run.task_time_limit = std::chrono::seconds{1};
  const auto r = execute(run);
  CHECK(r.why == reason::ok);
  CHECK(has(r.out, "expected time frame (1)"));
  CHECK(has(r.out, "rescued"));
}

TEST_CASE("prompts and debuggers find an empty standard input instead of hanging") {
  auto run = play("    - pause: prompt=sure\n    - debug: msg=after\n");
  CHECK(execute(run).why == reason::ok);
}

TEST_CASE("output beyond the limit is cut and marked") {
  auto run = play("    - shell: head -c 300000 /dev/zero | tr '\\0' x\n");
  run.output_limit = 20'000;
  const auto r = execute(run);
  CHECK(r.truncated);
  CHECK(r.out.size() < 25'000);
}

TEST_CASE("dropping the handle kills the run and suppresses the callback") {
  io_loop loop;
  auto runner = make_ansible_runner(loop, ansible_backend::host_process,
                                    sandbox_spec::mode::sandboxed, host());
  int listener = -1;
  bool called = false;
  const testing::marked_sleep sleep(19);
  auto handle = runner->run(
      play("    - shell: " + sleep.command() + "\n"), [&](int fd) { listener = fd; },
      [&](result<playbook_result>) { called = true; });
  for (int i = 0; i < 200 && !sleep.runs(); ++i) loop.run_for(std::chrono::milliseconds{50});
  REQUIRE(sleep.runs());
  handle.reset();
  for (int i = 0; i < 100 && sleep.runs(); ++i) loop.run_for(std::chrono::milliseconds{20});
  CHECK_FALSE(sleep.runs());
  CHECK(!called);
  if (listener >= 0) ::close(listener);
}

TEST_CASE("a kubernetes.core task reaches the API through the sandbox's door") {
  io_loop loop;
  std::vector<std::string> asked;
  http_server api(loop, [&](const http_request& r) -> http_reply {
    asked.push_back(r.path);
    http_response reply;
    reply.headers.set("Content-Type", "application/json");
    if (r.path == "/version") {
      reply.body = R"({"major":"1","minor":"32","gitVersion":"v1.32.0"})";
    } else if (r.path == "/api") {
      reply.body = R"({"kind":"APIVersions","versions":["v1"]})";
    } else if (r.path == "/apis") {
      reply.body = R"({"kind":"APIGroupList","apiVersion":"v1","groups":[]})";
    } else if (r.path == "/api/v1") {
      reply.body = R"({"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"pods",
        "singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list"]}]})";
    } else {
      reply.body = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"apiVersion":"v1",
        "kind":"Pod","metadata":{"name":"cart-1","namespace":"default"}}]})";
    }
    return reply;
  });
  auto run =
      play("    - kubernetes.core.k8s_info:\n        kind: Pod\n        namespace: default\n");
  run.kubeconfig =
      "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "
      "'http://127.0.0.1:6443'}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
      "users: [{name: u, user: {token: t}}]\ncurrent-context: c\n";
  auto runner = make_ansible_runner(loop, ansible_backend::host_process,
                                    sandbox_spec::mode::sandboxed, host());
  std::optional<result<playbook_result>> ended;
  auto handle = runner->run(
      run, [&](int fd) { REQUIRE(api.adopt_listener(fd).ok()); },
      [&](result<playbook_result> r) { ended = std::move(r); });
  while (!ended) loop.run_for(std::chrono::milliseconds{200});
  REQUIRE(ended->ok());
  INFO((*ended)->out << (*ended)->err);
  CHECK((*ended)->why == reason::ok);
  CHECK(has((*ended)->out, "cart-1"));
  CHECK(std::find(asked.begin(), asked.end(), "/api/v1/namespaces/default/pods") != asked.end());
  print_cost("1 k8s_info, host process", **ended);
}

TEST_CASE("the host process and the plain command print the same and exit the same") {
  const std::pair<const char*, playbook_run> runs[] = {
      {"debug and loop", play("    - debug: msg={{ item }}\n      loop: [a, b]\n")},
      {"shell and handler", play("    - shell: echo -n x; pwd\n      notify: again\n"
                                 "    - shell: env | sort\n      environment: {FOO: 'a b'}\n",
                                 "  handlers:\n    - name: again\n      shell: echo handled\n")},
      {"failing and undefined",
       play("    - shell: exit 3\n      ignore_errors: yes\n    - file: path=/nope/x state=touch\n"
            "      ignore_errors: yes\n    - debug: msg={{ nope }}\n")},
      {"bad module parameter", play("    - command:\n        nope: 1\n")},
      {"parse error", play("    - debug:: x\n     y\n")},
  };
  for (const auto& [name, run] : runs) {
    CAPTURE(name);
    auto fast = execute(run), plain = execute(run, ansible_backend::command);
    for (auto* r : {&fast, &plain}) {
      // Wall-clock values differ between any two runs of Ansible.
      for (const char* key : {"start: '", "end: '", "delta: '"}) {
        for (std::size_t at = 0; (at = r->out.find(key, at)) != std::string::npos; ++at) {
          const auto from = at + std::string_view(key).size();
          r->out.replace(from, r->out.find('\'', from) - from, "T");
        }
      }
    }
    CHECK(fast.out == plain.out);
    CHECK(fast.err == plain.err);
    CHECK(fast.exit_code == plain.exit_code);
    CHECK(fast.why == plain.why);
    CHECK(fast.tasks.size() == plain.tasks.size());
    print_cost((std::string(name) + ", host").c_str(), fast);
    print_cost((std::string(name) + ", command").c_str(), plain);
  }
}

TEST_CASE("a playbook can be looked at without being run: text, parameters, choices") {
  const auto check = [](const std::string& tasks) {
    auto run = play(tasks);
    run.check_only = true;
    return execute(run);
  };
  const auto good = check("    - shell: echo never > /tmp/x\n");
  CHECK(good.why == reason::ok);
  CHECK(!find(good, "task_start"));
  const std::pair<const char*, const char*> bad[] = {
      {"    - kubernetes.core.k8s_info:\n        kind: Pod\n        namespaces: x\n",
       "line 7: kubernetes.core.k8s_info has no parameter \"namespaces\"; did you mean "
       "\"namespace\"?"},
      {"    - kubernetes.core.k8s:\n        state: patchd\n        kind: Pod\n",
       "line 6: state of kubernetes.core.k8s must be one of absent, present, patched, not "
       "\"patchd\""},
      {"    - name: In the pod\n      kubernetes.core.k8s_exec:\n        namespace: x\n"
       "        command: ls\n",
       "line 5: kubernetes.core.k8s_exec needs the parameter \"pod\""},
      {"    - shell: ls\n     debug: msg=x\n", "line 6, column 6"},
      {"    - shell: ls\n      retry: 3\n", "conflicting action statements: shell, retry"},
      {"    - kubectl_apply:\n        file: x\n", "couldn't resolve module/action"},
  };
  for (const auto& [tasks, said] : bad) {
    const auto r = check(tasks);
    CAPTURE(r.err);
    CHECK(r.why == reason::parse_error);
    CHECK(has(r.err, said));
  }
  CHECK(check("    - kubernetes.core.k8s:\n        state: \"{{ wanted }}\"\n        src: x.yml\n"
              "    - shell: ls\n      args:\n        executable: /bin/bash\n"
              "    - command:\n        cmd: ls\n        chdir: /tmp\n"
              "    - kubernetes.core.k8s_scale: {kind: Deployment, name: a, namespace: b, "
              "replicas: 2}\n")
            .why == reason::ok);
  print_cost("looked at only, host process", good);
}

TEST_CASE("what a run exceeds is its reason: memory of the tree, CPU time, output") {
  auto memory = play(
      "    - shell: for i in 1 2 3 4 5 6; do python3 -c \"import time; x = "
      "bytearray(b'x' * (60 << 20)); time.sleep(60)\" & done; wait\n");
  memory.total_memory_bytes = 400u << 20;
  auto cpu = play("    - shell: while :; do :; done & while :; do :; done\n");
  cpu.cpu_limit = std::chrono::seconds{2};
  for (auto backend : {ansible_backend::host_process, ansible_backend::command}) {
    const auto full = execute(memory, backend);
    CHECK(full.why == reason::limit);
    CHECK(has(full.limit, "memory: "));
    CHECK(execute(cpu, backend).limit.rfind("cpu: ", 0) == 0);
  }
}

TEST_CASE("many runs at once all end well, each with its own answer") {
  io_loop loop;
  auto runner = make_ansible_runner(loop, ansible_backend::host_process,
                                    sandbox_spec::mode::sandboxed, host());
  constexpr int count = 10;
  int ended = 0, right = 0;
  std::vector<std::shared_ptr<void>> handles;
  for (int i = 0; i < count; ++i) {
    const auto text = "run-" + std::to_string(i) + "-end";
    handles.push_back(runner->run(
        play("    - shell: echo " + text + "\n"), [](int fd) { ::close(fd); },
        [&, text](result<playbook_result> r) {
          ++ended;
          if (r && r->why == reason::ok && has(r->out, "stdout: " + text)) ++right;
        }));
  }
  while (ended < count) loop.run_for(std::chrono::milliseconds{200});
  CHECK(right == count);
}

TEST_CASE("mode none runs playbooks on the bare host, through either backend") {
  const auto bare_host = start_ansible_host(sandbox_spec::mode::none, 4);
  REQUIRE(bare_host.ok());
  for (auto backend : {ansible_backend::command, ansible_backend::host_process}) {
    io_loop loop;
    auto runner = make_ansible_runner(loop, backend, sandbox_spec::mode::none, *bare_host);
    std::optional<result<playbook_result>> ended;
    auto handle = runner->run(
        play("    - shell: cat $KUBECONFIG\n"), [](int fd) { ::close(fd); },
        [&](result<playbook_result> r) { ended = std::move(r); });
    while (!ended) loop.run_for(std::chrono::milliseconds{200});
    REQUIRE(ended->ok());
    INFO((*ended)->out << (*ended)->err);
    CHECK((*ended)->why == reason::ok);
    CHECK(has((*ended)->out, "kind: Config"));
  }
}

TEST_CASE("reasons follow from exit code and events") {
  const auto event = [](const char* kind) {
    task_event e;
    e.kind = kind;
    return e;
  };
  CHECK(reason_of(0, {}) == reason::ok);
  CHECK(reason_of(0, {event("no_hosts_matched")}) == reason::no_hosts);
  CHECK(reason_of(4, {event("unreachable")}) == reason::unreachable);
  CHECK(reason_of(4, {}) == reason::parse_error);
  CHECK(reason_of(1, {}) == reason::parse_error);
  CHECK(reason_of(1, {event("task_start")}) == reason::task_failed);
  CHECK(reason_of(2, {event("failed")}) == reason::task_failed);
  CHECK(reason_of(137, {event("task_start")}) == reason::limit);
  CHECK(reason_of(250, {}) == reason::infra_error);
}

TEST_CASE("torn and foreign lines among the events are tolerated") {
  event_collector collector(1000);
  collector.append("{\"kind\":\"ok\",\"ta");
  collector.append("sk\":\"t\"}\nnot json\n[1]\n{\"kind\":\"changed\"}\n{\"kind\":\"torn");
  const auto events = collector.take();
  REQUIRE(events.size() == 2);
  CHECK(events[0].task == "t");
  CHECK(events[1].kind == "changed");
}

// Mistakes that are told before a trial is spent on them.
#include "agents/early_checks.hpp"

#include "agents/coordinator.hpp"
#include "agents/mind.hpp"
#include "tests/support/fake_doors.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::agents;

namespace {

std::string said(const std::string& yaml) {
  return objection_to(yaml, default_inventory()).value_or("");
}

std::string play(const std::string& tasks, const std::string& hosts = "k3s_control_plane") {
  return "- name: Mend\n  hosts: " + hosts + "\n  gather_facts: false\n  tasks:\n" + tasks;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("nothing is said of playbooks that are in order") {
  for (
      const char* tasks : {
          "    - shell: kubectl get pods\n",
          "    - debug: msg=\"{{ groups['all'] }}\"\n",
          "    - shell: |\n        set -o pipefail\n        kubectl get pods | cat\n      args:\n  "
          "      executable: /bin/bash\n",
          "    - shell: bash -c 'set -o pipefail; ls | cat'\n",
          "    - shell: kubectl get pods -o go-template='{% raw %}{{range .items}}{{end}}{% endraw "
          "%}'\n",
          "    - shell: kubectl get {{ kind }} -o jsonpath='{.items[*].metadata.name}'\n",
          "    - shell: kubectl get pods -o go-template-file={{ file }}\n",
          "    - set_fact: {a: !unsafe 'x{{'}\n",
      }) {
    CAPTURE(tasks);
    CHECK_EQ(said(play(tasks)), "");
  }
  for (const char* hosts : {"all", "localhost", "192.0.2.10", "'k3s*'", "127.0.0.1",
                            "'{{ where }}'", "k3s_control_plane[0]", "web:k3s_control_plane",
                            "'~k3s.*'", "[web, localhost]", "'all:!localhost'"}) {
    CAPTURE(hosts);
    CHECK_EQ(said(play("    - command: ls\n", hosts)), "");
  }
}

TEST_CASE("hosts that match nobody are named, with those that are there") {
  const auto text = said(play("    - command: ls\n", "k8s_master"));
  CHECK(holds(text, "line 2: hosts: k8s_master matches no host"));
  CHECK(holds(text, "192.0.2.10"));
  CHECK(holds(text, "k3s_control_plane"));
  // One play that runs is enough, and so is one that makes hosts.
  CHECK_EQ(said(play("    - command: ls\n", "nobody") + play("    - command: ls\n")), "");
  CHECK_EQ(said(play("    - add_host: name=a groups=nobody\n") + play("    - ping:\n", "nobody")),
           "");
}

TEST_CASE("text that is no playbook is told with its place") {
  CHECK(holds(said("- hosts: all\n  tasks:\n   - shell: a\n  - bad\n"), "line 4"));
  CHECK(holds(said("```yaml\n- hosts: all\n```\n"), "not valid YAML"));
  CHECK(holds(said("hosts: all\ntasks: []\n"), "must be a list of plays"));
  CHECK(holds(said("- just text\n"), "a play must be a mapping"));
  CHECK_EQ(said(""), "the playbook is empty");
  CHECK(holds(said("- hosts: all\n---\n- hosts: all\n"), "2 YAML documents"));
}

TEST_CASE("braces of a Go template and pipefail in dash are told, also inside blocks") {
  const auto go =
      said(play("    - name: Look\n      block:\n        - command: kubectl get pods "
                "-o go-template='{{range .items}}{{.metadata.name}}{{end}}'\n"));
  CHECK(holds(go, "line 7: "));
  CHECK(holds(go, "{% raw %}"));
  const auto pipe =
      said(play("    - name: Look\n      shell: |\n        set -euo pipefail\n"
                "        kubectl get pods | wc -l\n"));
  CHECK(holds(pipe, "line 6: "));
  CHECK(holds(pipe, "executable: /bin/bash"));
  CHECK(holds(said(play("    - ansible.builtin.shell:\n        cmd: set -o pipefail; ls\n")),
              "line 6: "));
}

TEST_CASE("of Ansible's complaint the message is kept") {
  CHECK_EQ(complaint_of("[WARNING]: x\nERROR! 'retry' is not a valid attribute for a Task\n\n"
                        "The error appears to be in '/work/playbook.yml': line 5\n"),
           "'retry' is not a valid attribute for a Task\n\nThe error appears to be in "
           "'/work/playbook.yml': line 5");
  CHECK_EQ(complaint_of(""), "Ansible cannot read it");
}

TEST_CASE("a mind forgives three rejections a trial and tells the reason") {
  budget spent{limits{}};
  mind m{{}, spent};
  m.begin_trial({{"e", 1}, "context", "report", ""});
  for (int i = 0; i < 3; ++i) {
    REQUIRE(m.forgives_rejection());
    CHECK(std::holds_alternative<ask>(m.rejected("line 3: broken")));
  }
  CHECK_FALSE(m.forgives_rejection());
  CHECK(holds(m.said().messages().back().content, "rejected before it was run"));
  CHECK(holds(m.said().messages().back().content, "line 3: broken"));
  m.begin_trial({{"e", 2}, "context", "report", "feedback"});
  CHECK(m.forgives_rejection());
}

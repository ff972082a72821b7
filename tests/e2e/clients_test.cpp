// Stock clients other than kubectl: Debian's python3-kubernetes and Ansible's kubernetes.core.
#include "tests/e2e/support.hpp"

namespace remed::test {

namespace {

const std::string clients = std::string(REMED_SOURCE_DIR) + "/tests/e2e/clients/";

bool has_program(const char* path) {
  return std::filesystem::exists(path);
}

} // namespace

TEST_CASE("python3-kubernetes lists, watches, patches, reads logs and executes") {
  if (!has_program("/usr/lib/python3/dist-packages/kubernetes")) return;
  live_cluster cluster;
  CHECK(holds(cluster.shell("/usr/bin/python3 " + clients + "session.py"), "all well"));
}

TEST_CASE("a playbook of kubernetes.core does its tasks, and nothing the second time") {
  if (!has_program("/usr/bin/ansible-playbook")) return;
  live_cluster cluster;
  auto play = "/usr/bin/ansible-playbook -i localhost, " + clients + "tasks.yml";
  auto first = cluster.shell(play + " -e first=true");
  CHECK(holds(first, "failed=0"));
  CHECK(!holds(first, "changed=0"));
  auto second = cluster.shell(play);
  CHECK(holds(second, "failed=0"));
  CHECK_MESSAGE(holds(second, "changed=0"), second);
}

} // namespace remed::test

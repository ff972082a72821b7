// Stock clients other than kubectl: Debian's python3-kubernetes and Ansible's kubernetes.core.
#include "runtime/paths.hpp"
#include "tests/e2e/support.hpp"

namespace remed::test {

namespace {

const std::string clients = data_root().string() + "/tests/e2e/clients/";

bool has_program(const char* path) {
  return std::filesystem::exists(path);
}

} // namespace

TEST_CASE("python3-kubernetes lists, watches, patches, reads logs and executes") {
  if (!has_program("/usr/lib/python3/dist-packages/kubernetes")) return;
  live_cluster cluster;
  CHECK(holds(cluster.shell("/usr/bin/python3 " + clients + "session.py"), "all well"));
}

TEST_CASE("a playbook of kubernetes.core deploys a system, and a second time changes nothing") {
  if (!has_program("/usr/bin/ansible-playbook")) return;
  live_cluster cluster(20, "");
  const auto play = [&](const std::string& name) {
    return cluster.shell("ansible-playbook -i localhost, " + clients + name);
  };
  const auto first = play("deployed.yml");
  CHECK(holds(first, "failed=0"));
  CHECK(!holds(first, "changed=0"));
  const auto second = play("deployed.yml");
  CHECK(holds(second, "changed=0"));
  CHECK(holds(second, "failed=0"));
  CHECK(holds(play("operations.yml"), "failed=0"));
}

} // namespace remed::test

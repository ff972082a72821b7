// Stock clients other than kubectl: Debian's python3-kubernetes.
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

} // namespace remed::test

// Stock kubectl against one of many clusters behind one listener.
#include "experiments/cluster_fleet.hpp"

#include "tests/e2e/support.hpp"

using namespace remed;
using remed::test::holds;

namespace {

class fleet_world {
public:
  fleet_world() {
    auto system = env::load_system("simple-micro");
    REQUIRE(system);
    auto booted = env::boot(*system, chaos::chaos_rules(), {});
    REQUIRE(booted);
    REQUIRE(chaos::install_chaos(**booted));
    experiments::fleet_options options;
    options.count = 3;
    options.time_scale = 20;
    auto started = experiments::cluster_fleet::start(**booted, *system, options, stepped_epoch);
    REQUIRE(started);
    fleet = std::move(*started);
    std::ofstream(folder.path / "admin") << fleet->admin_kubeconfig();
    std::ofstream(folder.path / "agent") << fleet->agent_kubeconfig();
  }

  std::string kubectl(const std::string& who, const std::string& arguments, int expected = 0) {
    tools::command cmd;
    cmd.argv = {"/bin/sh", "-c", "kubectl --kubeconfig " + who + " " + arguments};
    cmd.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", folder.path.string()}};
    cmd.cwd = folder.path.string();
    cmd.time_limit = std::chrono::seconds{60};
    std::optional<result<tools::process_result>> ended;
    tools::process_callbacks callbacks;
    callbacks.done = [&](result<tools::process_result> r) { ended = std::move(r); };
    auto child = tools::start_process(fleet->loop(), std::move(cmd), std::move(callbacks));
    while (!ended) fleet->turn(std::chrono::milliseconds{5});
    REQUIRE(ended->ok());
    const auto& r = **ended;
    CHECK_MESSAGE(r.exit_code == expected, "kubectl ", arguments, ": ", r.out, r.err);
    return r.out + r.err;
  }

  test::scratch_folder folder;
  std::unique_ptr<experiments::cluster_fleet> fleet;
};

} // namespace

TEST_CASE("kubectl works through a cluster's path and sees nothing of its neighbours") {
  fleet_world w;
  w.kubectl("admin", "--context cluster-2 scale deploy/hello-service --replicas=2");
  CHECK(holds(w.kubectl("admin", "--context cluster-2 rollout status deploy/hello-service"),
              "successfully rolled out"));
  CHECK(holds(w.kubectl("admin", "--context cluster-2 get deploy hello-service"), "2/2"));
  CHECK(holds(w.kubectl("admin", "--context cluster-3 get deploy hello-service"), "1/1"));
  CHECK(holds(w.kubectl("admin", "--context cluster-2 exec deploy/hello-service -- echo through"),
              "through"));
  CHECK(holds(w.kubectl("agent", "--context cluster-2 get pods"), "hello-service"));
  CHECK(holds(w.kubectl("agent", "--context cluster-2 get secrets -A", 1), "Forbidden"));
}

TEST_CASE("a token of one cluster is refused by its neighbour") {
  fleet_world w;
  CHECK(holds(w.kubectl("admin",
                        "--context cluster-1 --token $(awk '/token:/ {print $2; exit}' "
                        "agent) get pods"),
              "hello-service"));
  CHECK(holds(w.kubectl("admin",
                        "--context cluster-2 --token $(awk '/token:/ {print $2; exit}' "
                        "admin) get pods",
                        1),
              "You must be logged in"));
}

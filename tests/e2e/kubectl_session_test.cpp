#include "tests/e2e/support.hpp"

using namespace remed::test;

TEST_CASE("stock kubectl looks at a system as on a real cluster") {
  live_cluster cluster;
  const auto pods = cluster.kubectl("get pods -n simple-micro -o wide");
  CHECK(holds(pods, "hello-service-"));
  CHECK(holds(pods, "2/2     Running"));
  CHECK(holds(pods, "node-1"));
  const auto about = cluster.kubectl("describe pods -n simple-micro -l app=hello-service");
  CHECK(holds(about, "QoS Class:                   Burstable"));
  CHECK(holds(about, "Started container hello-service"));
  const auto top = cluster.kubectl("top pod -n simple-micro --containers");
  CHECK(holds(top, "CPU(cores)"));
  CHECK(holds(top, "sidecar-busybox"));
  cluster.kubectl("logs -n simple-micro deployment/hello-service -c hello-service");
  CHECK(holds(cluster.kubectl("get pod nobody -n simple-micro", 1),
              "Error from server (NotFound): pods \"nobody\" not found"));
}

TEST_CASE("kubectl exec runs a real shell that sees the simulated pod") {
  live_cluster cluster;
  const auto shell = [&](const std::string& line, int expected = 0) {
    return cluster.kubectl(
        "exec -n simple-micro deployment/hello-service -c sidecar-busybox -- " + line, expected);
  };
  const auto both = shell("sh -c 'ps; ping -c 3 time-service; echo $((6 * 7))'");
  CHECK(holds(both, "sleep 3600"));
  CHECK(holds(both, "3 packets transmitted, 3 packets received, 0% packet loss"));
  CHECK(holds(both, "42"));
  CHECK(holds(shell("sh -c 'echo out; exit 3'", 3), "command terminated with exit code 3"));
  CHECK(holds(shell("sh -c 'cat /etc/shadow || echo none'"), "none"));
  CHECK(holds(shell("ping -c 1 nowhere", 1), "bad address 'nowhere'"));
}

TEST_CASE("kubectl changes a system: resources, rollout, undo, apply, delete, scale") {
  live_cluster cluster;
  const std::string of = " -n simple-micro deployment/hello-service ";
  cluster.kubectl("set resources" + of + "-c hello-service --limits=cpu=400m,memory=1500Mi");
  CHECK(holds(cluster.kubectl("rollout status" + of + "--timeout=50s"), "successfully rolled out"));
  CHECK(
      holds(cluster.kubectl("get -o jsonpath='{.spec.template.spec.containers[0].resources}'" + of),
            "1500Mi"));
  cluster.kubectl("rollout undo" + of);
  cluster.kubectl("rollout status" + of + "--timeout=50s");
  CHECK(
      holds(cluster.kubectl("get -o jsonpath='{.spec.template.spec.containers[0].resources}'" + of),
            "2000Mi"));
  cluster.kubectl("get -o yaml" + of + "> d.yaml && sed -i 's/replicas: 1/replicas: 2/' d.yaml");
  CHECK(holds(cluster.kubectl("apply -f d.yaml"), "configured"));
  cluster.kubectl("wait --for=jsonpath='{.status.readyReplicas}'=2 --timeout=50s" + of);
  CHECK(holds(cluster.kubectl("delete pod -n simple-micro -l app=time-service"), "deleted"));
  cluster.kubectl(
      "wait --for=condition=Available --timeout=50s -n simple-micro deployment/time-service");
  cluster.kubectl("scale --replicas=1" + of);
  CHECK(holds(cluster.kubectl("get events -n simple-micro"), "ScalingReplicaSet"));
}

// A user's own manifests, end to end: `remed cluster up` and `remed run`, and PromQL over kubectl.
#include "tests/e2e/support.hpp"

using namespace remed::test;

namespace {

constexpr auto bakery = R"(apiVersion: v1
kind: Namespace
metadata: {name: bakery}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: where, namespace: bakery}
data: {OVEN_URL: "http://oven:8000"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: counter, namespace: bakery, labels: {app: counter}}
spec:
  replicas: 1
  selector: {matchLabels: {app: counter}}
  template:
    metadata: {labels: {app: counter}}
    spec:
      containers:
      - name: counter
        image: registry.example/bakery/counter:1.4
        ports: [{containerPort: 3000}]
        envFrom: [{configMapRef: {name: where}}]
        readinessProbe: {httpGet: {path: /, port: 3000}}
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 500m, memory: 256Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: counter, namespace: bakery}
spec: {type: NodePort, selector: {app: counter}, ports: [{port: 80, targetPort: 3000}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: oven, namespace: bakery, labels: {app: oven}}
spec:
  replicas: 1
  selector: {matchLabels: {app: oven}}
  template:
    metadata: {labels: {app: oven}}
    spec:
      containers:
      - name: oven
        image: python:3.12-slim
        command: [python, -m, http.server, "8000"]
        ports: [{containerPort: 8000}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: 500m, memory: 256Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: oven, namespace: bakery}
spec: {selector: {app: oven}, ports: [{port: 8000}]}
)";

std::string program() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "remed").string();
}

} // namespace

TEST_CASE("cluster up serves a user's own manifests until it is interrupted") {
  live_cluster shell; // only for its folder and environment
  std::filesystem::create_directory(shell.home() / "mine");
  shell.write("mine/bakery.yaml", bakery);
  const auto seen = shell.shell(
      program() +
      " cluster up --manifests mine --kubeconfig-out kc --time-scale 20 2> up.log & "
      "up=$!; for i in $(seq 200); do test -s kc && break; sleep 0.05; done; export KUBECONFIG=kc; "
      "kubectl get deploy; kubectl get cm where -o jsonpath='{.data.OVEN_URL}'; "
      "kubectl exec deploy/counter -- env | grep OVEN; kill -INT $up; wait $up; echo $?");
  CHECK(holds(seen, "counter   1/1"));
  CHECK(holds(seen, "oven      1/1"));
  CHECK(holds(seen, "OVEN_URL=http://oven:8000"));
  CHECK(holds(seen, "\n130\n"));
}

TEST_CASE("an experiment runs on a user's own manifests") {
  live_cluster shell;
  std::filesystem::create_directory(shell.home() / "mine");
  shell.write("mine/bakery.yaml", bakery);
  const auto seen =
      shell.shell(program() + " run --manifests mine --fault network-loss@oven --model runbook");
  CHECK(holds(seen, "recovered"));
}

TEST_CASE("kubectl asks Prometheus of a user's own manifests, by proxy, port and pod") {
  scratch_folder mine;
  std::ofstream(mine.path / "bakery.yaml") << bakery;
  live_cluster cluster(20, mine.path.string());
  const std::string proxy =
      "get --raw '/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/";
  const auto up = cluster.kubectl(
      proxy +
      "query?query=sum(kube_deployment_status_replicas_available%7Bnamespace%3D%22bakery%22%7D)'");
  CHECK(holds(up, R"("status":"success")"));
  CHECK(holds(up, R"("2"])"));
  const auto usage = cluster.kubectl(proxy +
                                     "query?query=sum%20by%20(pod)%20(rate(container_cpu_usage_"
                                     "seconds_total%7Bnamespace%3D%22bakery%22%7D%5B1m%5D))'");
  CHECK(holds(usage, R"("pod":"oven-)"));
  CHECK(holds(cluster.kubectl(proxy + "query?query=rate('", 1), "(BadRequest)"));
  const auto range = cluster.shell(
      "kubectl port-forward -n monitoring svc/prometheus :9090 > pf.log 2>&1 & pf=$!; "
      "for i in $(seq 100); do grep -q Forwarding pf.log && break; sleep 0.1; done; "
      "port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/p' pf.log); now=$(date +%s); "
      "curl -s -G http://127.0.0.1:$port/api/v1/query_range "
      "--data-urlencode 'query=up' -d start=$((now - 1900)) -d end=$((now - 1700)) -d step=15; "
      "kill $pf");
  CHECK(holds(range, R"("resultType":"matrix")"));
  CHECK(holds(range, R"("values":[[)"));
  cluster.kubectl("run probe -n bakery --image=busybox:1.36 -- sleep 3600");
  cluster.kubectl("wait -n bakery --for=condition=Ready pod/probe --timeout=60s");
  const auto within = cluster.kubectl(
      "exec -n bakery probe -- wget -qO- "
      "'http://prometheus.monitoring:9090/api/v1/query?query=vector(42)'");
  CHECK(holds(within, R"("42"])"));
}

// A day with stock kubectl: online-boutique comes into an empty cluster, breaks, and is mended.
#include "runtime/paths.hpp"
#include "tests/e2e/support.hpp"

using namespace remed::test;

namespace {

const std::string manifests =
    (remed::data_root() / "environments/systems/online-boutique/manifests.yaml").string();

/// An empty cluster where online-boutique was applied and is there.
class boutique : public live_cluster {
public:
  boutique() : live_cluster(20, "") {
    const auto made = kubectl("apply -f " + manifests);
    CHECK(holds(made, "deployment.apps/frontend created"));
    CHECK(holds(made, "service/redis-cart created"));
    kubectl("config set-context --current --namespace=online-boutique");
    kubectl("wait --for=condition=Available deploy --all --timeout=60s");
  }
};

constexpr auto budget = R"(apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: frontend}
spec: {minAvailable: 2, selector: {matchLabels: {app: frontend}}}
)";

constexpr auto forwarded =
    "kubectl port-forward svc/frontend :80 > pf.log 2>&1 & pf=$!; "
    "for i in $(seq 100); do grep -q Forwarding pf.log && break; sleep 0.1; done; "
    "port=$(sed -n 's/.*127.0.0.1:\\([0-9]*\\) .*/\\1/p' pf.log); "
    "curl -s -i http://127.0.0.1:$port/; kill $pf";

} // namespace

TEST_CASE("kubectl deploys online-boutique into an empty cluster, breaks it and rolls it back") {
  boutique shop;
  CHECK(holds(shop.kubectl("apply -f " + manifests), "deployment.apps/frontend unchanged"));
  shop.kubectl("set image deploy/frontend server=gcr.io/google-samples/frontend:no-such-tag");
  CHECK(holds(shop.kubectl("rollout status deploy/frontend --timeout=3s", 1),
              "1 old replicas are pending termination"));
  const auto status = shop.kubectl("get pods -l app=frontend");
  CHECK((holds(status, "ImagePullBackOff") || holds(status, "ErrImagePull")));
  const auto about = shop.kubectl("describe pods -l app=frontend");
  CHECK(holds(about, "Back-off pulling image \"gcr.io/google-samples/frontend:no-such-tag\""));
  CHECK(
      holds(about,
            "Failed to pull image \"gcr.io/google-samples/frontend:no-such-tag\": rpc error: code "
            "= NotFound desc = failed to pull and unpack image"));
  CHECK(holds(shop.kubectl("get events --field-selector type=Warning,reason=Failed"),
              "Error: ErrImagePull"));
  CHECK(holds(shop.kubectl("rollout history deploy/frontend"), "\n2 "));
  CHECK(holds(shop.kubectl("rollout undo deploy/frontend"), "rolled back"));
  CHECK(holds(shop.kubectl("rollout status deploy/frontend --timeout=60s"),
              "successfully rolled out"));
  const auto history = shop.kubectl("rollout history deploy/frontend");
  CHECK(holds(history, "\n3 "));
  CHECK(!holds(history, "\n1 "));
  CHECK(holds(shop.kubectl("get pod,deploy,svc -l app=frontend"), "service/frontend "));
}

TEST_CASE("kubectl scales and drains within the disruption budget, and looks into what runs") {
  boutique shop;
  shop.write("pdb.yaml", budget);
  shop.kubectl("apply -f pdb.yaml");
  CHECK(holds(shop.kubectl("scale deploy/frontend --replicas=3"), "scaled"));
  shop.kubectl("wait --for=jsonpath='{.status.readyReplicas}'=3 deploy/frontend --timeout=60s");
  const auto drained =
      shop.kubectl("drain node-1 --ignore-daemonsets --delete-emptydir-data --timeout=4s", 1);
  CHECK(holds(drained, "Cannot evict pod as it would violate the pod's disruption budget."));
  CHECK(holds(drained, "evicted"));
  CHECK(holds(shop.kubectl("get nodes"), "Ready,SchedulingDisabled"));
  CHECK(holds(shop.kubectl("get events --field-selector reason=FailedScheduling"),
              "0/1 nodes are available: 1 node(s) were unschedulable."));
  CHECK(holds(shop.kubectl("get pods -l app=frontend --field-selector status.phase=Running -o name "
                           "| wc -l"),
              "2\n"));
  CHECK(holds(shop.kubectl("uncordon node-1"), "node/node-1 uncordoned"));
  shop.kubectl("wait --for=condition=Available deploy --all --timeout=60s");
  CHECK(holds(shop.kubectl("top pod"), "frontend-"));
  CHECK(holds(shop.kubectl("top node"), "node-1"));
  CHECK(holds(shop.kubectl("exec deploy/cartservice -c sidecar-busybox -- "
                           "sh -c 'wget -qO- http://frontend/ | head -c 10; nslookup frontend'"),
              "Name:\tfrontend.online-boutique.svc.cluster.local"));
  CHECK(holds(shop.shell(forwarded), "HTTP/1.1 200 OK"));
}

TEST_CASE("kubectl applies on the server, with conflicts, and patches in every way") {
  live_cluster cluster(20, "");
  cluster.write("web.yaml", R"(apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "busybox:1.36", command: [sleep, "36000"]}]}
)");
  CHECK(holds(cluster.kubectl("apply --server-side -f web.yaml"), "serverside-applied"));
  cluster.kubectl("scale deploy/web --replicas=2");
  const auto refused = cluster.kubectl("apply --server-side -f web.yaml", 1);
  CHECK(holds(refused,
              "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" "
              "using apps/v1: .spec.replicas"));
  CHECK(holds(cluster.kubectl("diff --server-side --force-conflicts -f web.yaml", 1),
              "-  replicas: 2\n+  replicas: 1"));
  cluster.kubectl("apply --server-side --force-conflicts -f web.yaml");
  CHECK(cluster.kubectl("diff --server-side -f web.yaml").empty());
  cluster.kubectl(
      R"(patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":1},{"op":"replace","path":"/spec/replicas","value":3}]')");
  cluster.kubectl(R"(patch deploy web --type=merge -p '{"spec":{"minReadySeconds":1}}')");
  cluster.kubectl(
      R"(patch deploy web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"X","value":"1"}]}]}}}}')");
  CHECK(cluster.kubectl("get deploy web -o jsonpath='{.spec.replicas} {.spec.minReadySeconds} "
                        "{.spec.template.spec.containers[0].image} "
                        "{.spec.template.spec.containers[0].env[0].name}'") ==
        "3 1 busybox:1.36 X");
  CHECK(holds(cluster.kubectl(R"(patch deploy web -p '{"spec":{"replicas":"two"}}')", 1),
              "patch: Invalid value: \"map[spec:map[replicas:two]]\": unrecognized type: int32"));
  CHECK(holds(
      cluster.kubectl(
          R"(patch deploy web --type=json -p '[{"op":"test","path":"/spec/replicas","value":9}]')",
          1),
      "the server rejected our request due to an error in our request"));
  cluster.kubectl("wait --for=condition=Available deploy/web --timeout=60s");
  cluster.kubectl("wait --for=jsonpath='{.status.readyReplicas}'=3 deploy/web --timeout=60s");
  cluster.kubectl("delete deploy web --wait=false");
  CHECK(holds(cluster.kubectl("wait --for=delete pod -l app=web --timeout=60s"), "condition met"));
}

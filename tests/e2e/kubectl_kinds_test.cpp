// Stock kubectl's smaller commands, and kinds of a user's own.
#include "tests/e2e/support.hpp"

using namespace remed::test;

namespace {

constexpr auto definition = R"(apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ovens.bakery.example}
spec:
  group: bakery.example
  scope: Namespaced
  names: {plural: ovens, singular: oven, kind: Oven, shortNames: [ov]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Heat, type: integer, jsonPath: .spec.heat}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What is baked in it.
            required: [heat]
            properties: {heat: {type: integer, maximum: 300, description: In degrees.}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
)";

} // namespace

TEST_CASE("kubectl makes a kind of its own, uses, explains and deletes it") {
  live_cluster cluster(20, "");
  cluster.write("crd.yaml", definition);
  cluster.write(
      "hot.yaml",
      "apiVersion: bakery.example/v1\nkind: Oven\nmetadata: {name: hot}\nspec: {heat: 240}\n");
  cluster.kubectl("apply -f crd.yaml");
  cluster.kubectl("wait --for=condition=Established crd/ovens.bakery.example --timeout=20s");
  CHECK(holds(cluster.kubectl("apply -f hot.yaml"), "oven.bakery.example/hot created"));
  CHECK(holds(cluster.kubectl("apply -f hot.yaml"), "oven.bakery.example/hot unchanged"));
  CHECK(holds(cluster.kubectl("get ov"), "hot    240"));
  CHECK(holds(cluster.kubectl("explain oven.spec.heat"), "In degrees."));
  CHECK(holds(
      cluster.kubectl(R"(patch oven hot --type=merge -p '{"spec":{"heat":400}}')", 1),
      "spec.heat: Invalid value: 400: spec.heat in body should be less than or equal to 300"));
  cluster.kubectl(
      R"(patch oven hot --type=merge --subresource=status -p '{"status":{"phase":"Warm"}}')");
  cluster.kubectl("wait --for=jsonpath='{.status.phase}'=Warm oven/hot --timeout=20s");
  CHECK(holds(cluster.kubectl("delete -f crd.yaml"), "deleted"));
  CHECK(holds(cluster.kubectl("get ovens", 1), "could not find the requested resource"));
}

TEST_CASE("kubectl's everyday commands do what they say") {
  live_cluster cluster(20, "");
  cluster.kubectl("create deploy web --image=nginx:1.25 --replicas=2");
  cluster.kubectl("rollout status deploy/web --timeout=60s");
  CHECK(holds(cluster.kubectl("label deploy web tier=front"), "labeled"));
  CHECK(holds(cluster.kubectl("label deploy web tier=back", 1), "--overwrite is false"));
  CHECK(holds(cluster.kubectl("annotate deploy web note=x"), "annotated"));
  CHECK(holds(cluster.kubectl("expose deploy web --port=80"), "service/web exposed"));
  CHECK(holds(cluster.kubectl("autoscale deploy web --min=2 --max=4 --cpu-percent=60"),
              "autoscaled"));
  cluster.kubectl(
      "get deploy web -o yaml > web.yaml && "
      "sed -i 's/progressDeadlineSeconds: 600/progressDeadlineSeconds: 500/' web.yaml");
  CHECK(holds(cluster.kubectl("replace -f web.yaml"), "replaced"));
  CHECK(holds(cluster.shell("KUBE_EDITOR=\"sed -i s/Seconds:.500/Seconds:\\ 400/\" "
                            "kubectl edit deploy web"),
              "edited"));
  CHECK(cluster.kubectl("get deploy web -o jsonpath='{.spec.progressDeadlineSeconds}'") == "400");
  cluster.kubectl(
      "create sa bot && kubectl create rolebinding bot --clusterrole=view "
      "--serviceaccount=default:bot");
  const std::string as = " --as=system:serviceaccount:default:bot";
  CHECK(holds(cluster.kubectl("auth can-i list pods" + as), "yes"));
  CHECK(holds(cluster.kubectl("auth can-i delete pods" + as, 1), "no"));
  CHECK(holds(cluster.kubectl("delete pod --all" + as, 1), "cannot delete resource \"pods\""));
  cluster.kubectl("create job once --image=busybox:1.36 -- sh -c 'echo all done'");
  cluster.kubectl("wait --for=condition=Complete job/once --timeout=60s");
  CHECK(holds(cluster.kubectl("logs job/once"), "all done"));
  CHECK(holds(cluster.kubectl("delete deploy web --cascade=orphan"), "deleted"));
  CHECK(holds(cluster.kubectl("get rs -l app=web"), "web-"));
  CHECK(holds(cluster.kubectl("api-resources --api-group=apps"), "statefulsets"));
  CHECK(holds(cluster.kubectl("explain pod.spec.containers.image"), "Image to run."));
}

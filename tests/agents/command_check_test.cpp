#include "agents/command_check.hpp"

#include <doctest/doctest.h>

using remed::agents::refuse_command;

TEST_CASE("commands that only look may run") {
  for (const char* line : {
           "kubectl get pods -n simple-micro -o wide",
           "kubectl -n simple-micro describe deployment hello-service",
           "kubectl --namespace=simple-micro logs hello-service-abc -c sidecar-busybox --tail=20",
           "kubectl top pod --containers | grep hello",
           "kubectl rollout status deployment/hello-service -n simple-micro --timeout=30s",
           "kubectl rollout history deployment hello-service",
           "kubectl exec hello-service-abc -- ps",
           "kubectl exec hello-service-abc -- sh -c 'kubectl delete pod x'",
           "kubectl get --raw /apis/apps/v1/namespaces/simple-micro/deployments",
           "kubectl config view --minify",
           "kubectl auth can-i delete pods",
           "echo delete; ls /root",
           "kubectl get pods -o json | python3 -c 'import json,sys; print(json.load(sys.stdin))'",
       }) {
    CAPTURE(line);
    CHECK_FALSE(refuse_command(line).has_value());
  }
}

TEST_CASE("commands that change the cluster are refused with the tool to use instead") {
  for (const char* line : {
           "kubectl delete pod hello-service-abc -n simple-micro",
           "kubectl -n simple-micro patch deployment hello-service -p '{}'",
           "kubectl --namespace simple-micro rollout restart deployment hello-service",
           "kubectl rollout undo deployment hello-service",
           "kubectl get pods; kubectl scale deployment hello-service --replicas=0",
           "kubectl get pods -o name | xargs kubectl delete",
           "sh -c \"kubectl apply -f /tmp/x.yaml\"",
           "echo $(kubectl delete pod x)",
           "`kubectl delete pod x`",
           "sudo /usr/bin/kubectl set image deployment/x x=y",
           "kubectl get pods\nkubectl label pod x a=b",
           "k3s kubectl drain node",
           "if true; then kubectl cordon n; fi",
           "kubectl port-forward pod/x 8080:80",
           "ansible-playbook repair.yml",
           "kubectl del\"ete\" pod x",
       }) {
    CAPTURE(line);
    const auto why = refuse_command(line);
    REQUIRE(why.has_value());
    CHECK(why->find("playbook") != std::string::npos);
  }
}

TEST_CASE("the refusal names the command that was refused") {
  CHECK(
      refuse_command("kubectl rollout restart deployment x")->find("\"kubectl rollout restart\"") !=
      std::string::npos);
  CHECK(refuse_command("kubectl delete pod x")->find("\"kubectl delete\"") != std::string::npos);
}

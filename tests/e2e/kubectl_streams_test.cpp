// Stock kubectl's streams: exec with and without a terminal, cp, attach, debug, run, logs.
#include "tests/e2e/support.hpp"

using namespace remed::test;

namespace {

const std::string inside = "exec -i -n simple-micro deploy/hello-service -c sidecar-busybox -- ";
const std::string pod =
    "$(kubectl get pod -n simple-micro -l app=hello-service -o "
    "jsonpath='{.items[0].metadata.name}')";

} // namespace

TEST_CASE("kubectl copies a file of 10 MiB into a pod and out of it unharmed") {
  live_cluster cluster;
  const auto there = "simple-micro/" + pod + ":/tmp/big";
  cluster.shell("head -c 10485760 /dev/urandom > big");
  cluster.kubectl("cp -c sidecar-busybox big " + there);
  cluster.kubectl("cp -c sidecar-busybox " + there + " back");
  CHECK(cluster.shell("cmp big back && stat -c %s back") == "10485760\n");
  // kubectl now and then logs a message for a stream it has closed; what it printed counts.
  CHECK(cluster.kubectl(inside + "sh -c 'head -c 20000000 /dev/zero' 2>/dev/null | wc -c") ==
        "20000000\n");
}

TEST_CASE("whoever reads slowly holds the command back, and loses nothing") {
  live_cluster cluster;
  const auto counted = cluster.kubectl(
      inside + "sh -c 'seq 1 2000000' | { sleep 1; md5sum; }; seq 1 2000000 | md5sum");
  const auto half = counted.size() / 2;
  CHECK(counted.substr(0, half) == counted.substr(half));
}

TEST_CASE("kubectl exec -it has a terminal: prompt, size, job control and exit code") {
  live_cluster cluster;
  cluster.write("typed", "stty size; echo $((6 * 7))\nls -d /var/log/my*\nexit 4\n");
  // script(1) gives kubectl a terminal; what is typed comes at once and waits in it.
  const auto seen = cluster.shell("script -qec \"stty rows 33 cols 101; kubectl " + inside +
                                  "sh\" /dev/null < typed; true");
  CHECK(!holds(seen, "can't access tty"));
  const auto interactive = cluster.shell(
      "script -qec \"stty rows 33 cols 101; kubectl exec -it -n simple-micro "
      "deploy/hello-service -c sidecar-busybox -- sh\" /dev/null < typed",
      4);
  CHECK(holds(interactive, "/ # "));
  CHECK(holds(interactive, "33 101"));
  CHECK(holds(interactive, "42\r\n"));
  CHECK(holds(interactive, "/var/log/mysql\r\n"));
  CHECK(!holds(interactive, "job control turned off"));
}

TEST_CASE("a shell takes whole scripts from its input and from files") {
  live_cluster cluster;
  cluster.write("script", "for i in 1 2; do\n  echo line $i\ndone\ncat <<X\nhere\nX\n");
  CHECK(cluster.kubectl(inside + "sh < script") == "line 1\nline 2\nhere\n");
  cluster.kubectl(inside + "sh -c 'echo \"echo \\$1; exit 3\" > /tmp/s.sh'");
  CHECK(holds(cluster.kubectl(inside + "sh /tmp/s.sh word", 3), "word\n"));
}

TEST_CASE("kubectl debugs a pod, runs one until it is left, and reads its last words") {
  live_cluster cluster;
  const auto seen = cluster.kubectl("debug -n simple-micro " + pod +
                                    " --image=busybox:1.36 --target=hello-service -i -c dbg -- sh "
                                    "< /dev/null");
  CHECK(!holds(seen, "error"));
  CHECK(holds(cluster.kubectl("describe pod -n simple-micro " + pod), "Ephemeral Containers:"));
  const auto left = cluster.kubectl(
      "run tmp -n simple-micro -i --rm --restart=Never --image=busybox:1.36 -- sh < /dev/null");
  CHECK(holds(left, "pod \"tmp\" deleted"));
  cluster.write("words.yaml", R"(apiVersion: v1
kind: Pod
metadata: {name: words, namespace: simple-micro}
spec:
  containers: [{name: c, image: "busybox:1.36", command: [sh, -c, "echo last words; exit 7"]}]
)");
  cluster.kubectl("apply -f words.yaml");
  cluster.kubectl(
      "wait -n simple-micro --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 "
      "pod/words --timeout=60s");
  CHECK(holds(cluster.kubectl("logs -n simple-micro words --previous"), "last words"));
  CHECK(
      holds(cluster.kubectl("logs -n simple-micro deploy/hello-service -c hello-service --tail=5"),
            "HTTP/1.1"));
}

#include "environments/embedded/shell/command.hpp"
#include "tests/environments/small_world.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using test::small_world;

namespace {

using words = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

shell_result in(small_world& w, const std::string& container, const words& argv,
                const std::string& service = "hello-service") {
  return run_pod_command(*w.c, w.pod(service), container, argv, "");
}

shell_result side(small_world& w, const words& argv) {
  return in(w, "sidecar-busybox", argv);
}

} // namespace

TEST_CASE("ps shows the container's own processes and itself") {
  small_world w;
  auto r = side(w, {"ps"});
  CHECK(r.code == 0);
  CHECK(r.out.rfind("PID   USER     TIME  COMMAND\n", 0) == 0);
  CHECK(has(r.out, "    1 root      0:00 sh -c sleep 3600\n"));
  CHECK(has(r.out, " ps\n"));
  CHECK(side(w, {"ps", "aux"}).out.rfind("PID ", 0) == 0);
  auto chosen = side(w, {"ps", "-o", "pid,comm"});
  CHECK(has(chosen.out, "PID COMMAND\n1   sh\n"));
  CHECK(has(side(w, {"top", "-bn1"}).out, "PID  PPID USER"));
}

TEST_CASE("a program that an image lacks is refused in the runtime's words") {
  small_world w;
  auto r = in(w, "hello-service", {"ps"});
  CHECK(r.code == 126);
  CHECK(r.not_started ==
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \"ps\": "
        "executable file not found in $PATH: unknown");
  CHECK(in(w, "hello-service", {"cat", "/etc/hostname"}).out == "hello-service-1\n");
  CHECK(in(w, "hello-service", {"sh", "-c", "ping -c 1 time-service"}).code == 127);
  CHECK(has(side(w, {"python3"}).not_started, "\"python3\""));
  CHECK(has(in(w, "nobody", {"ls"}).not_started, "container not found (\"nobody\")"));
  w.c->node().edit(w.uid("hello-service"))->find("hello-service")->image =
      "gcr.io/google-containers/pause:latest";
  CHECK(has(in(w, "hello-service", {"sh", "-c", "date"}).not_started, "exec: \"sh\""));
}

TEST_CASE("ping counts, times and judges like the real one") {
  small_world w;
  auto fine = side(w, {"ping", "-c", "3", "8.8.8.8"});
  CHECK(fine.code == 0);
  CHECK(has(fine.out, "PING 8.8.8.8 (8.8.8.8): 56 data bytes\n64 bytes from 8.8.8.8: seq=0 ttl="));
  CHECK(
      has(fine.out,
          "3 packets transmitted, 3 packets received, 0% packet loss\nround-trip min/avg/max = "));
  CHECK(seconds(fine.takes) > 2);
  CHECK(seconds(fine.takes) < 2.5);
  CHECK(has(side(w, {"ping", "-c1", "nobody"}).err, "ping: bad address 'nobody'"));
  auto far = side(w, {"ping", "-c", "2", "-W", "1", "203.0.113.1"});
  CHECK(far.code == 1);
  CHECK(has(far.out, "100% packet loss"));
  CHECK(has(side(w, {"ping", "-c", "1", "time-service"}).out, "PING time-service (10.43.0.17)"));
}

TEST_CASE("a delay shows in every round trip, of either side, and loss in some") {
  small_world w;
  auto here = w.hurt("hello-service", "net_delay", {{"ms", 1000}}, lifetime::sandbox);
  CHECK(has(side(w, {"ping", "-c", "1", "10.42.0.7"}).out, "time=1000."));
  w.heal(here);
  w.hurt("time-service", "net_delay", {{"ms", 300}}, lifetime::sandbox);
  CHECK(has(side(w, {"ping", "-c", "1", "10.42.0.7"}).out, "time=300."));
  w.hurt("hello-service", "net_loss", {{"percent", 50}}, lifetime::sandbox);
  auto r = side(w, {"ping", "-c", "100", "-i", "0.1", "8.8.8.8"});
  auto at = r.out.find(" packets received");
  auto got = std::stoi(r.out.substr(r.out.find("transmitted, ") + 13, at));
  CHECK(got > 30);
  CHECK(got < 70);
  CHECK(side(w, {"tc", "qdisc", "show", "dev", "eth0"}).out ==
        "qdisc netem 1: root refcnt 2 limit 1000 loss 50%\n");
}

TEST_CASE("tc shows netem and lets nobody remove it") {
  small_world w;
  CHECK(side(w, {"tc", "qdisc", "show", "dev", "eth0"}).out == "qdisc noqueue 0: root refcnt 2 \n");
  w.hurt("hello-service", "net_delay", {{"ms", 1000}}, lifetime::sandbox);
  CHECK(side(w, {"tc", "qdisc", "show", "dev", "eth0"}).out ==
        "qdisc netem 1: root refcnt 2 limit 1000 delay 1s\n");
  auto r = side(w, {"tc", "qdisc", "del", "dev", "eth0", "root"});
  CHECK(r.code == 2);
  CHECK(r.err == "RTNETLINK answers: Operation not permitted\n");
}

TEST_CASE("names resolve and requests answer through the flow") {
  small_world w;
  CHECK(has(side(w, {"nslookup", "time-service"}).out,
            "Name:\ttime-service.simple-micro.svc.cluster.local\nAddress: 10.43.0.17"));
  CHECK(has(side(w, {"nslookup", "nobody"}).out, "NXDOMAIN"));
  auto r = side(w, {"wget", "-qO-", "http://time-service:5001/time"});
  CHECK(r.code == 0);
  CHECK(json::parse(r.out)["service"] == "time-service");
  w.set_endpoints("time-service", false);
  CHECK(has(side(w, {"wget", "-T", "3", "-O-", "http://time-service:5001/time"}).err,
            "wget: can't connect to remote host (10.43.0.17): Connection refused"));
  CHECK(has(side(w, {"wget", "-qO-", "http://hello-service:5000/"}).err, "500 Internal"));
}

TEST_CASE("memory, CPU and quota are read from their files") {
  small_world w;
  w.pass(10);
  auto read = [&](const std::string& path) { return in(w, "hello-service", {"cat", path}).out; };
  CHECK(read("/sys/fs/cgroup/cpu.max") == "50000 100000\n");
  CHECK(read("/sys/fs/cgroup/memory.max") == "2097152000\n");
  CHECK(std::stod(read("/sys/fs/cgroup/memory.current")) == doctest::Approx(22 * 1048576.0));
  w.hurt("hello-service", "cpu_hog", {{"workers", 10}, {"load", 100}});
  w.pass(10);
  auto stat = read("/sys/fs/cgroup/cpu.stat");
  CHECK(has(stat, "nr_periods 200\nnr_throttled 99\n"));
  CHECK(has(read("/proc/meminfo"), "MemTotal:       33554432 kB"));
  CHECK(has(read("/etc/hosts"), "10.42.0.8\thello-service-1"));
  CHECK(has(read("/etc/resolv.conf"), "search simple-micro.svc.cluster.local"));
  auto missing = in(w, "hello-service", {"cat", "/nowhere"});
  CHECK(missing.code == 1);
  CHECK(missing.err == "cat: /nowhere: No such file or directory\n");
}

TEST_CASE("a slowed volume shows as a mount, in its folder, and in the time of a write") {
  small_world w;
  const words write{"dd",    "if=/dev/zero", "of=/var/log/mysql/t",
                    "bs=1M", "count=10",     "oflag=direct"};
  auto before = in(w, "hello-service", write);
  CHECK(before.code == 0);
  CHECK(seconds(before.takes) < 1);
  CHECK(has(before.err, "10+0 records out\n10485760 bytes (10.0MB) copied"));
  w.hurt("hello-service", "io_delay", {{"path", "/var/log/mysql"}, {"ms", 5000}, {"percent", 50}});
  auto during = in(w, "hello-service", write);
  CHECK(seconds(during.takes) > 120);
  CHECK(seconds(during.takes) < 300);
  CHECK(seconds(side(w, write).takes) < 1); // the other container has its own mount
  CHECK(has(in(w, "hello-service", {"mount"}).out,
            "toda on /var/log/mysql type fuse (rw,nosuid,nodev,relatime,user_id=0,group_id=0,"
            "default_permissions,allow_other)"));
  CHECK(has(in(w, "hello-service", {"ls", "/var/log"}).out, "__chaosfs__mysql__\n"));
  CHECK(in(w, "hello-service", {"dd", "of=/not/there/x", "if=/dev/zero"}).code == 1);
}

TEST_CASE("users see no effect of a slow volume that nobody uses") {
  small_world w;
  auto start = w.c->now();
  w.hurt("hello-service", "io_delay", {{"path", "/var/log/mysql"}, {"ms", 5000}, {"percent", 50}});
  w.pass(30);
  CHECK(slo(*w.c, start, w.c->now()).met);
}

TEST_CASE("killing from inside: unknown numbers and bad signals are told") {
  small_world w;
  auto r = side(w, {"kill", "77"});
  CHECK(r.code == 1);
  CHECK(r.err == "kill: can't kill pid 77: No such process\n");
  CHECK(side(w, {"kill", "-FOO", "1"}).code == 1);
  CHECK(side(w, {"kill", "x"}).code == 1);
  CHECK(side(w, {"pkill", "stress"}).code == 1);
  CHECK(has(side(w, {"killall", "stress-ng"}).err, "no process killed"));
  CHECK(side(w, {"pidof", "sh"}).out == "1\n");
}

TEST_CASE("time and waiting are the cluster's") {
  small_world w;
  w.pass(61);
  CHECK(side(w, {"date"}).out == "Thu Jan  1 00:01:01 UTC 2026\n");
  CHECK(side(w, {"date", "+%s"}).out == "1767225661\n");
  CHECK(in(w, "hello-service", {"date", "+%s%3N"}).out == "1767225661000\n");
  CHECK(has(side(w, {"date", "+%s%3N"}).out, "%3N"));
  CHECK(seconds(side(w, {"sleep", "5"}).takes) == doctest::Approx(5).epsilon(0.05));
  CHECK(side(w, {"sleep", "x"}).code == 1);
}

TEST_CASE("a plain line of sh is one command; anything else needs the sandbox") {
  small_world w;
  CHECK(side(w, {"sh", "-c", "echo 'a b' c"}).out == "a b c\n");
  CHECK(side(w, {"sh", "-c", "hostname"}).out == "hello-service-1\n");
  CHECK(side(w, {"sh", "-c", "foo"}).code == 127);
  CHECK(side(w, {"sh", "-c", "ps | grep x"}).code == 126);
  CHECK(plain_words("a  \"b c\" 'd;e'") == words{"a", "b c", "d;e"});
  CHECK_FALSE(plain_words("a; b"));
  CHECK_FALSE(plain_words("echo $X"));
  CHECK_FALSE(plain_words("X=1 a"));
  CHECK_FALSE(plain_words("echo \"unfinished"));
}

TEST_CASE("the environment names the services, and env runs a command") {
  small_world w;
  auto r = in(w, "hello-service", {"env"});
  CHECK(has(r.out, "TIME_SERVICE_SERVICE_HOST=10.43.0.17\n"));
  CHECK(has(r.out, "HOSTNAME=hello-service-1\n"));
  CHECK(side(w, {"env", "A=b", "hostname"}).out == "hello-service-1\n");
  CHECK(side(w, {"printenv", "NOPE"}).code == 1);
  CHECK(has(side(w, {"df", "-h"}).out, "/var/log/mysql"));
  CHECK(has(side(w, {"free", "-m"}).out, "Mem:          32768"));
  CHECK(side(w, {"nproc"}).out == "8\n");
}

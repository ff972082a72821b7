// What untrusted commands can and cannot do. Everything hostile runs inside only, as an ordinary
// user of the host (the launcher sees to that even when the tests run as root).
#include "tools/sandbox.hpp"

#include "tests/tools/marked_sleep.hpp"
#include "tests/tools/sandbox_support.hpp"
#include "tools/http_server.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

using namespace remed;
using namespace remed::tools;
using namespace remed::tools::testing;

namespace {

constexpr const char* secret_marker = "remed-escape-marker";

} // namespace

TEST_CASE("the sandbox starts on this machine") {
  const auto available = sandbox_available();
  INFO((available.ok() ? std::string() : available.why().what));
  CHECK(available.ok());
}

TEST_CASE("a command inside is uid 0 of its own world and nobody on the host") {
  const auto r = inside("id -u; cat /proc/self/uid_map; hostname; pwd; echo $HOME $TMPDIR");
  CHECK(r.exit_code == 0);
  CHECK(r.out.substr(0, 2) == "0\n");
  CHECK(has(r.out, "\nremed\n/work\n/root /tmp\n"));
  if (::geteuid() == 0) CHECK(has(r.out, "65534"));
}

TEST_CASE("exit codes, output streams and signals come through") {
  const auto r = inside("echo out; echo err >&2; exit 3");
  CHECK(r.exit_code == 3);
  CHECK(r.out == "out\n");
  CHECK(r.err == "err\n");
  CHECK(inside("kill -9 $$").exit_code == 137);
}

TEST_CASE("a program that does not exist is named as the reason") {
  io_loop loop;
  command cmd;
  cmd.argv = {"no-such-program"};
  const auto o = run(loop, cmd);
  REQUIRE(!o.ended->ok());
  CHECK(has(o.ended->why().what, "no-such-program"));
}

TEST_CASE("standard input reaches the command") {
  io_loop loop;
  auto cmd = sh("tr a-z A-Z");
  cmd.input = "hello";
  CHECK(run(loop, cmd).get().out == "HELLO");
}

TEST_CASE("a request from inside is answered through the listener that was handed out") {
  io_loop loop;
  http_server server(loop, [](const http_request& r) -> http_reply {
    return http_response{200, {}, "served " + r.path};
  });
  std::optional<result<process_result>> ended;
  process_callbacks callbacks;
  callbacks.done = [&](result<process_result> r) { ended = std::move(r); };
  command cmd;
  cmd.argv = {"/usr/bin/python3", "-c",
              "import urllib.request as u; "
              "print(u.urlopen('http://127.0.0.1:6443/hello').read().decode())"};
  auto handle = start_sandboxed(
      loop, {}, cmd, [&](int fd) { REQUIRE(server.adopt_listener(fd).ok()); }, callbacks);
  while (!ended) loop.run_for(std::chrono::milliseconds{200});
  REQUIRE(ended->ok());
  INFO((*ended)->err);
  CHECK((*ended)->out == "served /hello\n");
}

TEST_CASE("files and read-only binds appear where the spec says, with any bytes") {
  sandbox_spec spec;
  const std::string bytes("\x00\xff\xc3\x28 plain", 10);
  spec.files = {{"/etc/thing/data", bytes, false}, {"/work/tool", "#!/bin/sh\necho ran\n", true}};
  spec.binds = {{"/run/host-etc", "/etc/alternatives"}};
  const auto r = inside("od -An -tx1 /etc/thing/data; ./tool; echo x > /run/host-etc/x", spec);
  CHECK(has(r.out, "00 ff c3 28 20 70 6c 61 69 6e"));
  CHECK(has(r.out, "ran\n"));
  CHECK(has(r.err, "Read-only file system"));
}

TEST_CASE("sudo and k3s, as models write them, do what is meant") {
  const auto r = inside(
      "sudo -n -u root FOO=bar sh -c 'echo $FOO $(id -u)'; k3s kubectl --help | head -1; k3s "
      "server");
  CHECK(has(r.out, "bar 0\n"));
  CHECK(has(r.out, "kubectl controls"));
  CHECK(r.exit_code == 1);
}

TEST_CASE("nothing of the host's environment, secrets or processes is visible") {
  ::setenv("REMED_TEST_SECRET", secret_marker, 1);
  const auto r = inside(
      "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; "
      "ls /etc/shadow /root/.ssh /home /sys; ls -A /run /root");
  ::unsetenv("REMED_TEST_SECRET");
  CHECK(!has(r.out, secret_marker));
  CHECK(!has(r.out, "/etc/shadow"));
  CHECK(has(r.err, "'/etc/shadow': No such file"));
  CHECK(has(r.err, "'/root/.ssh': No such file"));
  CHECK(inside("ls -d /proc/[0-9]* | wc -l").out < "6"); // pid 1, the shell, ls and wc at most
}

TEST_CASE("the environment is exactly what was asked for and the documented defaults") {
  auto cmd = sh("exec env");
  cmd.env = {{"ONLY", "this"}, {"PATH", "/usr/bin"}};
  io_loop loop;
  const auto text = run(loop, cmd).get().out;
  CHECK(has(text, "ONLY=this\n"));
  CHECK(has(text, "PATH=/usr/bin\n"));
  CHECK(has(text, "KUBECONFIG=/root/.kube/config\n"));
  for (const char* name : {"LD_PRELOAD", "USER=", "SSH_", "SHELL="}) CHECK(!has(text, name));
}

TEST_CASE("the system is read-only: /usr, /etc, the root, kernel settings") {
  const auto r = inside(
      "for f in /usr/x /etc/x /x /bin/x /dev/x /usr/local/sbin/x; do touch $f 2>/dev/null && echo "
      "wrote $f; done; "
      "for f in kernel/core_pattern kernel/hostname vm/drop_caches; do "
      "(echo x > /proc/sys/$f) 2>/dev/null && echo set $f; done; "
      "(echo b > /proc/sysrq-trigger) 2>/dev/null && echo sysrq; "
      "rm -rf /usr/bin /etc /root /work 2>/dev/null; ls /usr/bin/env; echo end");
  CHECK(r.out == "/usr/bin/env\nend\n");
  CHECK(::access("/usr/bin/env", X_OK) == 0);
}

TEST_CASE("clock, hostname, mounts, namespaces, devices and set-uid programs are refused") {
  const auto r = inside(
      "date -s 2001-01-01 >/dev/null && echo clock; hostname x && echo hostname; "
      "mount -t tmpfs x /tmp && echo mount; mount --bind / /tmp && echo bind; umount /usr && echo "
      "umount; unshare -U true && echo userns; unshare -m true && echo mntns; "
      "nsenter -t 1 -m true && echo nsenter; chroot /proc/1/root true && echo chroot; "
      "mknod /tmp/n b 8 0 && echo mknod; su nobody -s /bin/true && echo su; "
      "nice -n -20 true 2>&1 | grep -q denied || echo nice; dmesg >/dev/null && echo dmesg; "
      "reboot -f && echo reboot; sysctl -w vm.swappiness=1 >/dev/null && echo sysctl; true");
  CHECK(r.out == "");
}

TEST_CASE("system calls that reach around the sandbox are refused") {
  const auto r = python(R"(
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
def call(name, number, *args):
    rc = libc.syscall(number, *args)
    print(name, rc, errno.errorcode.get(ctypes.get_errno(), 0) if rc < 0 else 'ALLOWED')
call('keyctl', 250, 0, 0, 0)
call('add_key', 248, 0, 0, 0, 0, 0)
call('bpf', 321, 0, 0, 0)
call('perf_event_open', 298, 0, 0, -1, -1, 0)
call('userfaultfd', 323, 0)
call('io_uring_setup', 425, 8, 0)
call('ptrace', 101, 16, 1, 0, 0)
call('process_vm_readv', 310, 1, 0, 0, 0, 0, 0)
call('pidfd_getfd', 438, 0, 0, 0)
call('open_by_handle_at', 304, 0, 0, 0)
call('mount_setattr', 442, 0, 0, 0, 0, 0)
call('clone newuser', 56, 0x10000000 | 17, 0, 0, 0, 0)
call('clone3', 435, 0, 0)
for family in (40, 17, 38, 29, 0, 31):
    try:
        socket.socket(family, socket.SOCK_DGRAM)
        print('family', family, 'ALLOWED')
    except OSError as e:
        print('family', family, errno.errorcode[e.errno])
for kind in (socket.SOCK_RAW,):
    try:
        socket.socket(socket.AF_INET, kind, 1)
        print('raw ALLOWED')
    except OSError as e:
        print('raw', errno.errorcode[e.errno])
)");
  CHECK(r.exit_code == 0);
  CHECK(!has(r.out, "ALLOWED"));
  CHECK(has(r.out, "clone3 -1 ENOSYS"));
  CHECK(has(r.out, "family 40 EAFNOSUPPORT")); // AF_VSOCK
  CHECK(has(r.out, "keyctl -1 EPERM"));
  CHECK(has(r.out, "raw EPERM"));
}

TEST_CASE("no capabilities, no new privileges, filtered") {
  const auto r = inside("cat /proc/self/status");
  for (const char* line : {"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000",
                           "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000",
                           "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"}) {
    CHECK(has(r.out, line));
  }
}

TEST_CASE("there is no network beyond the sandbox's own loopback") {
  io_loop loop;
  http_server host_service(loop, [](const http_request&) -> http_reply { return http_response{}; });
  const auto port = host_service.listen();
  REQUIRE(port.ok());
  const auto r = python(R"(
import socket
def attempt(name, address):
    s = socket.socket()
    s.settimeout(2)
    try:
        s.connect(address)
        print(name, 'CONNECTED')
    except OSError as e:
        print(name, e)
attempt('outside', ('192.0.2.1', 80))
attempt('metadata', ('169.254.169.254', 80))
attempt('host loopback', ('127.0.0.1', )" +
                        std::to_string(*port) + R"())
try:
    print('dns', socket.gethostbyname('example.invalid'))
except OSError as e:
    print('dns', e)
)");
  CHECK(!has(r.out, "CONNECTED"));
  CHECK(has(r.out, "outside [Errno 101] Network is unreachable"));
  CHECK(has(r.out, "host loopback [Errno 111] Connection refused"));
}

TEST_CASE("a fork bomb is stopped by the process limit and leaves nothing") {
  sandbox_spec spec;
  spec.processes = 64;
  const auto r = python(R"(
import os, time
made = 0
try:
    while made < 2000:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError as e:
    print('stopped', made < 64, e.errno)
)",
                        spec);
  CHECK(r.out == "stopped True 11\n");
}

TEST_CASE("memory, file size, file systems and numbers of files are bounded") {
  sandbox_spec spec;
  spec.memory_bytes = 128u << 20;
  spec.file_bytes = 4u << 20;
  spec.tmpfs_bytes = 8u << 20;
  const auto memory = python("x = bytearray(1 << 30)", spec);
  CHECK(has(memory.err, "MemoryError"));
  const auto r = inside(
      "dd if=/dev/zero of=/tmp/a bs=1M count=6 2>/dev/null; echo $?; "
      "for i in 1 2 3 4; do dd if=/dev/zero of=/work/$i bs=1M count=3 2>&1; done | grep -c 'No "
      "space'; "
      "cd /tmp; rm -f a; i=0; while [ $i -lt 20000 ]; do true > $i || break; i=$((i+1)); done "
      "2>/dev/null; echo files $((i < 17000))",
      spec);
  CHECK(r.out.substr(0, 2) != "0\n");
  CHECK(has(r.out, "\n2\n"));
  CHECK(has(r.out, "files 1\n"));
}

TEST_CASE("the time limit ends everything, also what left the session or ignores signals") {
  io_loop loop;
  const marked_sleep sleep(31);
  auto cmd = sh("trap '' TERM; setsid sh -c 'trap \"\" TERM; " + sleep.command() +
                "' & nohup setsid " + sleep.command() + " >/dev/null 2>&1 & " + sleep.command());
  cmd.time_limit = std::chrono::milliseconds{300};
  const auto r = run(loop, cmd).get();
  CHECK(r.timed_out);
  CHECK(r.exit_code == 137);
  CHECK(r.wall < std::chrono::seconds{3});
  CHECK_FALSE(sleep.runs());
}

TEST_CASE("a daemon left behind ends with the command") {
  const marked_sleep sleep(27);
  const auto r = inside("setsid nohup " + sleep.command() + " >/dev/null 2>&1 & echo started");
  CHECK(r.out == "started\n");
  CHECK(r.wall < std::chrono::seconds{3});
  CHECK_FALSE(sleep.runs());
}

TEST_CASE("dropping the handle kills what runs inside") {
  io_loop loop;
  const marked_sleep sleep(16);
  process_callbacks callbacks;
  bool called = false;
  callbacks.done = [&](result<process_result>) { called = true; };
  int listener = -1;
  auto handle = start_sandboxed(
      loop, {}, sh(sleep.command()), [&](int fd) { listener = fd; }, callbacks);
  while (listener < 0) loop.run_for(std::chrono::milliseconds{100});
  handle.reset();
  for (int i = 0; i < 50 && sleep.runs(); ++i) loop.run_for(std::chrono::milliseconds{20});
  CHECK_FALSE(sleep.runs());
  CHECK(!called);
  ::close(listener);
}

TEST_CASE("kill -9 -1 reaches only its own run") {
  CHECK(inside("sleep 5 & kill -9 -1; echo survived").exit_code == 0);
}

TEST_CASE("endless output is cut and marked") {
  io_loop loop;
  auto cmd = sh("head -c 3000000 /dev/zero | tr '\\0' x; echo END");
  cmd.output_limit = 10'000;
  const auto r = run(loop, cmd).get();
  CHECK(r.truncated);
  CHECK(r.out.size() < 12'000);
  CHECK(has(r.out, "END"));
}

TEST_CASE("a pod has busybox, the given files in place of applets, and nothing else") {
  sandbox_spec spec;
  spec.rootfs = sandbox_spec::root::pod;
  spec.api_listener = false;
  spec.hostname = "cart-1";
  spec.files = {{"/bin/ps", "#!/bin/sh\necho simulated\n", true}, {"/proc/loadavg", "0.1\n"}};
  const auto r = inside(
      "ps; hostname; pwd; cat /proc/loadavg; ls /; ls /usr/bin/python3 /usr/bin/kubectl; "
      "echo data > /x && cat /x; echo y > /bin/busybox; readlink /bin/ls; id -u",
      spec);
  CHECK(has(r.out, "simulated\ncart-1\n/\n0.1\n"));
  CHECK(has(r.out, "data\n/bin/busybox\n0\n"));
  CHECK(has(r.err, "/usr/bin/python3: No such file"));
  CHECK(has(r.err, "/bin/busybox: Read-only file system"));
}

TEST_CASE("a malformed bind is refused by name, the command does not run") {
  io_loop loop;
  sandbox_spec spec;
  spec.binds = {{"/work/../../x", "/usr"}};
  auto o = run(loop, sh("echo ran"), spec);
  REQUIRE(!o.ended->ok());
  CHECK(has(o.ended->why().what, "'/work/../../x'"));
  spec.binds = {{"/work/x", "/no/such/place"}};
  o = run(loop, sh("echo ran"), spec);
  REQUIRE(!o.ended->ok());
  CHECK(has(o.ended->why().what, "the host has no"));
}

TEST_CASE("without the launcher the failure says how to get it") {
  ::setenv("REMED_SANDBOX_LAUNCHER", "/no/such/launcher", 1);
  const auto available = sandbox_available();
  ::unsetenv("REMED_SANDBOX_LAUNCHER");
  REQUIRE(!available.ok());
  CHECK(available.why().code == errc::refused);
  CHECK(has(available.why().what, "remed-sandbox"));
}

TEST_CASE("mode none runs on the host with files and a listener of its own") {
  sandbox_spec spec;
  spec.kind = sandbox_spec::mode::none;
  spec.files = {{"/root/.kube/config", "server: https://127.0.0.1:6443\n", false}};
  io_loop loop;
  auto o = run(loop, sh("cat $KUBECONFIG; echo $REMED_API_PORT; pwd; echo $REMED_ROOT"), spec);
  const auto text = o.get().out;
  CHECK(o.listener >= 0);
  CHECK(!has(text, ":6443"));
  CHECK(has(text, "server: https://127.0.0.1:"));
  const auto root = text.substr(text.rfind('/', text.size() - 2));
  CHECK(has(text, root.substr(0, root.size() - 1) + "/work\n"));
}

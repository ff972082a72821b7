// Limits of the whole tree of processes, and attempts to get around them or out.
#include "tests/tools/marked_sleep.hpp"
#include "tests/tools/sandbox_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace remed;
using namespace remed::tools;
using namespace remed::tools::testing;

TEST_CASE("a total of memory over many processes is noticed, and everything is killed") {
  sandbox_spec spec;
  spec.total_memory_bytes = 200u << 20;
  const marked_sleep left(41);
  const auto r = python(R"(
import os, time
os.system('setsid )" + left.command() +
                            R"( &')
for i in range(8):
    if os.fork() == 0:
        x = bytearray(os.urandom(1 << 20)) * 60
        time.sleep(60)
time.sleep(60)
)",
                        spec);
  CHECK(has(r.limit, "memory: "));
  CHECK(has(r.limit, "200 allowed"));
  CHECK(r.exit_code == 137);
  CHECK(r.wall < std::chrono::seconds{30});
  CHECK_FALSE(left.runs());
}

TEST_CASE("memory that processes share counts once") {
  sandbox_spec spec;
  spec.total_memory_bytes = 200u << 20;
  const auto r = python(R"(
import os, time
x = b'x' * (60 << 20)
children = []
for i in range(6):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.5)
        os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
print('all well')
)",
                        spec);
  CHECK(r.limit == "");
  CHECK(r.out == "all well\n");
}

TEST_CASE("memory outside of any process cannot be had") {
  const auto r = python(R"(
import ctypes, errno, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
for name, call in (('memfd', lambda: libc.memfd_create(b'x', 0)),
                   ('shm', lambda: libc.shmget(0, 1 << 30, 0o1600)),
                   ('queue', lambda: libc.msgget(0, 0o1600))):
    rc = call()
    print(name, rc, errno.errorcode.get(ctypes.get_errno()))
)");
  CHECK(has(r.out, "memfd -1 EPERM"));
  CHECK(has(r.out, "shm -1 EPERM"));
  CHECK(has(r.out, "queue -1 EPERM"));
}

TEST_CASE("anonymous memory that is shared counts like any other") {
  sandbox_spec spec;
  spec.total_memory_bytes = 100u << 20;
  const auto r = python(R"(
import mmap, time
m = mmap.mmap(-1, 400 << 20)
for at in range(0, 400 << 20, 4096): m[at] = 1
time.sleep(60)
)",
                        spec);
  CHECK(has(r.limit, "memory: "));
}

TEST_CASE("CPU time of the tree is bounded, also of children that nobody waits for") {
  sandbox_spec spec;
  spec.cpu_limit = std::chrono::seconds{1};
  const auto busy = inside("while :; do :; done & while :; do :; done", spec);
  CHECK(has(busy.limit, "cpu: "));
  CHECK(busy.exit_code == 137);
  const auto hidden = python(R"(
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.3
        while time.process_time() < end: pass
        os._exit(0)
    time.sleep(0.2)
)",
                             spec);
  CHECK(has(hidden.limit, "cpu: "));
}

TEST_CASE("a fork bomb that never gives up is killed as a whole") {
  sandbox_spec spec;
  spec.processes = 48;
  const auto r = python(R"(
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
)",
                        spec);
  CHECK(has(r.limit, "processes: "));
  CHECK(r.wall < std::chrono::seconds{30});
}

TEST_CASE("a flood of output is stopped long before the time limit") {
  io_loop loop;
  auto cmd = sh("yes flood");
  cmd.output_limit = 10'000;
  cmd.flood_limit = 8u << 20;
  const auto r = run(loop, cmd).get();
  CHECK(has(r.limit, "output: more than 8 MiB"));
  CHECK(r.truncated);
  CHECK(r.out.size() < 12'000);
}

TEST_CASE("what forks twice, leaves its session and ignores signals ends with its command") {
  const marked_sleep sleep(43);
  const auto r = python(R"(
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
        for fd in range(3): os.close(fd)
        os.system('nohup )" +
                        sleep.command() + R"( >/dev/null 2>&1')
    os._exit(0)
os.wait()
print('left')
)");
  CHECK(r.out == "left\n");
  CHECK_FALSE(sleep.runs());
}

TEST_CASE("two sandboxes do not see each other: processes, files, sockets, signals, ports") {
  io_loop loop;
  auto first = start(loop, sh("cd /tmp; touch mine; exec /usr/bin/python3 -c \""
                              "import socket, time\n"
                              "s = socket.socket(socket.AF_UNIX); s.bind('\\0remed-meet'); "
                              "s.listen()\n"
                              "t = socket.socket(); t.bind(('127.0.0.1', 7777)); t.listen()\n"
                              "print('ready', flush=True)\n"
                              "time.sleep(20)\""));
  while (!has(first->out, "ready")) loop.run_for(std::chrono::milliseconds{20});
  const auto r = run(loop, sh("exec /usr/bin/python3 -c \""
                              "import os, socket\n"
                              "for kind, place in ((socket.AF_UNIX, '\\0remed-meet'), "
                              "(socket.AF_INET, ('127.0.0.1', 7777))):\n"
                              "    try: socket.socket(kind).connect(place); print('MET')\n"
                              "    except OSError as e: print(e.errno)\n"
                              "print(os.listdir('/tmp'), len([p for p in os.listdir('/proc') if "
                              "p.isdigit()]))\n"
                              "\""))
                     .get();
  CHECK(r.out == "111\n111\n[] 2\n");
  CHECK(!first->ended);
}

TEST_CASE("neither names nor addresses of the outside lead anywhere") {
  const auto r = python(R"(
import socket
for family, place in ((socket.AF_INET, ('169.254.169.254', 80)), (socket.AF_INET, ('10.0.0.1', 443)),
                      (socket.AF_INET, ('8.8.8.8', 53)), (socket.AF_INET6, ('2001:db8::1', 80)),
                      (socket.AF_UNIX, '/run/docker.sock'), (socket.AF_UNIX, '/var/run/dbus/x'),
                      (socket.AF_UNIX, '\0/tmp/dbus-x')):
    try:
        socket.socket(family).connect(place)
        print('CONNECTED', place)
    except OSError as e:
        print(e.errno)
for name in ('kubernetes.default.svc', 'metadata.google.internal', 'example.com'):
    try:
        print('RESOLVED', socket.getaddrinfo(name, 80))
    except OSError as e:
        print('unknown')
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
try:
    s.sendto(b'x', ('8.8.8.8', 53))
    print('SENT')
except OSError as e:
    print(e.errno)
)");
  CHECK(!has(r.out, "CONNECTED"));
  CHECK(!has(r.out, "RESOLVED"));
  CHECK(!has(r.out, "SENT"));
  CHECK(std::count(r.out.begin(), r.out.end(), '\n') == 11);
}

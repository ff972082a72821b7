#include "environments/embedded/shell/exec.hpp"

#include "tests/environments/small_world.hpp"
#include "tools/sandbox.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;
using test::small_world;

namespace {

struct told {
  std::string out, err, error;
  int code = -1;
  bool done = false;
};

struct client {
  std::shared_ptr<told> heard = std::make_shared<told>();
  std::shared_ptr<exec_session> session = std::make_shared<exec_session>();

  client() {
    session->on_out = [h = heard](std::string_view t) { h->out += t; };
    session->on_err = [h = heard](std::string_view t) { h->err += t; };
    session->done = [h = heard](int code, const std::string& error) {
      h->code = code;
      h->error = error;
      h->done = true;
    };
  }
};

exec_request ask(const std::string& container, std::vector<std::string> argv) {
  return {"simple-micro", "hello-service-1", container, std::move(argv), false, false};
}

/// Lets the loop work until the client was answered; the cluster's clock runs ahead of the wall's.
void run(small_world& w, tools::io_loop& loop, const told& heard) {
  for (int i = 0; i < 2000 && !heard.done; ++i) {
    loop.run_for(std::chrono::milliseconds{5});
    w.pass(0.5);
  }
}

/// A line of a real shell in the sidecar; skipped where the sandbox cannot start.
told shell(small_world& w, const std::string& line,
           const std::string& container = "sidecar-busybox") {
  tools::io_loop loop;
  client k;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed);
  exec(*w.c, ask(container, {"sh", "-c", line}), k.session);
  run(w, loop, *k.heard);
  CHECK(k.heard->done);
  return *k.heard;
}

bool sandboxed() {
  static const bool works = tools::sandbox_available().ok();
  if (!works) MESSAGE("no sandbox here: skipped");
  return works;
}

} // namespace

TEST_CASE("in a stepped world a command is answered at once and no time passes") {
  small_world w;
  client k;
  auto before = w.c->now();
  auto exec = make_exec_backend(nullptr, tools::sandbox_spec::mode::sandboxed);
  exec(*w.c, ask("", {"sleep", "20"}), k.session);
  CHECK(k.heard->done);
  CHECK(k.heard->code == 0);
  CHECK(w.c->now() == before);
}

TEST_CASE("with a loop the answer waits for the cluster's clock") {
  small_world w;
  tools::io_loop loop;
  client k;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed);
  exec(*w.c, ask("sidecar-busybox", {"sleep", "20"}), k.session);
  loop.run_for(std::chrono::milliseconds{20});
  CHECK_FALSE(k.heard->done);
  w.pass(21);
  for (int i = 0; i < 100 && !k.heard->done; ++i) loop.run_for(std::chrono::milliseconds{5});
  CHECK(k.heard->done);
}

TEST_CASE("a client that goes away hears nothing more") {
  small_world w;
  tools::io_loop loop;
  client k;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed);
  exec(*w.c, ask("sidecar-busybox", {"sleep", "1"}), k.session);
  k.session->cancel();
  w.pass(5);
  loop.run_for(std::chrono::milliseconds{20});
  CHECK_FALSE(k.heard->done);
}

TEST_CASE("what is not there is an error before the start") {
  small_world w;
  auto exec = make_exec_backend(nullptr, tools::sandbox_spec::mode::sandboxed);
  client k;
  exec(*w.c, ask("hello-service", {"ping"}), k.session);
  CHECK(k.heard->error.find("executable file not found in $PATH") != std::string::npos);
  client other;
  exec(*w.c, ask("nobody", {"ls"}), other.session);
  CHECK(other.heard->error == "container not found (\"nobody\")");
}

TEST_CASE("a real shell pipes what the simulated programs say") {
  if (!sandboxed()) return;
  small_world w;
  auto r =
      shell(w, "ps | grep -c sleep; hostname; echo done >&2; cat /sys/fs/cgroup/cpu.max; exit 3");
  CHECK(r.out == "1\nhello-service-1\n5000 100000\n");
  CHECK(r.err == "done\n");
  CHECK(r.code == 3);
}

TEST_CASE("ping in a real shell has its exit code, text and loop") {
  if (!sandboxed()) return;
  small_world w;
  auto r = shell(w,
                 "for h in time-service nobody; do ping -c 2 $h >/dev/null && echo up $h || echo "
                 "down $h; done");
  CHECK(r.out == "up time-service\ndown nobody\n");
  CHECK(r.err == "ping: bad address 'nobody'\n");
  CHECK(shell(w, "timeout 5 ping -c 1 8.8.8.8 | tail -n 2 | head -n 1").out ==
        "1 packets transmitted, 1 packets received, 0% packet loss\n");
}

TEST_CASE("kill in a real shell reaches the container's processes, not the sandbox's") {
  if (!sandboxed()) return;
  small_world w;
  auto r = shell(w, "kill -9 77 || echo no; kill -0 1 && echo yes");
  CHECK(r.out == "no\nyes\n");
  CHECK(r.err == "kill: can't kill pid 77: No such process\n");
}

TEST_CASE("an image without a program lacks it in its shell as well") {
  if (!sandboxed()) return;
  small_world w;
  auto r = shell(w,
                 "ping -c 1 8.8.8.8; ls -d /var/log/mysql; dd if=/dev/zero of=/var/log/mysql/t "
                 "bs=1k count=2 2>/dev/null; wc -c < /var/log/mysql/t",
                 "hello-service");
  CHECK(r.err.find("ping: not found") != std::string::npos);
  CHECK(r.out == "/var/log/mysql\n2048\n");
}

TEST_CASE("the sandbox of a pod shows nothing of the host") {
  if (!sandboxed()) return;
  small_world w;
  auto r = shell(w,
                 "ls /usr/lib /home/* 2>/dev/null | wc -l; cat /etc/hostname; test -e /proc/self "
                 "|| echo none");
  CHECK(r.out == "0\nhello-service-1\nnone\n");
}

TEST_CASE("a shell reads its lines from the client") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  client k;
  auto request = ask("sidecar-busybox", {"sh"});
  request.input = true;
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(*w.c, request, k.session);
  REQUIRE(k.session->write);
  k.session->write("hostname\nx=4\n");
  k.session->write("echo $x; exit 5\n");
  k.session->close_input();
  run(w, loop, *k.heard);
  CHECK(k.heard->out == "hello-service-1\n4\n");
  CHECK(k.heard->code == 5);
}

TEST_CASE("without a sandbox a shell line is refused, a plain command is not") {
  small_world w;
  tools::io_loop loop;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::none);
  client k;
  exec(*w.c, ask("sidecar-busybox", {"sh", "-c", "ps | cat"}), k.session);
  CHECK(k.heard->code == 126);
  CHECK(k.heard->err.find("needs the sandbox") != std::string::npos);
  client other;
  exec(*w.c, ask("sidecar-busybox", {"hostname"}), other.session);
  run(w, loop, *other.heard);
  CHECK(other.heard->out == "hello-service-1\n");
}

TEST_CASE("a shell that never stops talking waits for a client that takes nothing more") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  client k;
  k.session->congested = [heard = k.heard] { return heard->out.size() > 100'000; };
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(
      *w.c, ask("sidecar-busybox", {"sh", "-c", "yes remed | head -c 2000000"}), k.session);
  for (int i = 0; i < 400 && k.heard->out.size() <= 100'000; ++i)
    loop.run_for(std::chrono::milliseconds{5});
  for (int i = 0; i < 40; ++i) loop.run_for(std::chrono::milliseconds{5});
  CHECK(k.heard->out.size() < 200'000);
  CHECK_FALSE(k.heard->done);
  k.session->congested = {};
  REQUIRE(k.session->resume);
  k.session->resume();
  run(w, loop, *k.heard);
  CHECK(k.heard->out.size() == 2'000'000);
  CHECK(k.heard->code == 0);
}

TEST_CASE("a client that sends faster than the command reads is held, and let go when it read") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  client k;
  auto held = std::make_shared<std::vector<bool>>();
  k.session->hold_input = [held](bool on) { held->push_back(on); };
  auto request = ask("sidecar-busybox", {"sh", "-c", "sleep 1; wc -c"});
  request.input = true;
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(*w.c, request, k.session);
  REQUIRE(k.session->write);
  for (int i = 0; i < 30; ++i) k.session->write(std::string(100'000, 'x'));
  REQUIRE_FALSE(held->empty());
  CHECK(held->front());
  k.session->close_input();
  run(w, loop, *k.heard);
  CHECK(k.heard->out == "3000000\n");
  CHECK_FALSE(held->back());
}

TEST_CASE("a terminal asks, echoes, knows its size and ends by exit") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  client k;
  auto request = ask("sidecar-busybox", {"sh"});
  request.input = request.tty = true;
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(*w.c, request, k.session);
  REQUIRE(k.session->resize);
  k.session->resize(101, 33);
  k.session->write("stty size; echo $((6 * 7)) >&2\nexit 4\n");
  run(w, loop, *k.heard);
  CHECK(k.heard->out.find("/ # ") != std::string::npos);
  CHECK(k.heard->out.find("33 101\r\n42\r\n") != std::string::npos);
  CHECK(k.heard->err.empty());
  CHECK(k.heard->code == 4);
}

TEST_CASE("Ctrl-C on a terminal ends a command of the simulation") {
  small_world w;
  tools::io_loop loop;
  client k;
  auto request = ask("sidecar-busybox", {"sleep", "1000"});
  request.input = request.tty = true;
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(*w.c, request, k.session);
  k.session->write("\x03");
  CHECK(k.heard->done);
  CHECK(k.heard->code == 130);
}

TEST_CASE("programs that busybox keeps elsewhere ask the simulation too") {
  if (!sandboxed()) return;
  small_world w;
  auto r = shell(w, "nslookup time-service | grep Name; uptime | grep -c load; wget nowhere");
  CHECK(r.out == "Name:\ttime-service.simple-micro.svc.cluster.local\n1\n");
  CHECK(r.err == "wget: bad address 'nowhere'\n");
}

TEST_CASE("a shell runs a script from its input as a whole, and one from a file") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  client k;
  auto request = ask("sidecar-busybox", {"sh"});
  request.input = true;
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(*w.c, request, k.session);
  k.session->write("for i in 1 2; do\n  echo $i\ndone\necho 'echo $0 $1' > /tmp/s.sh\n");
  k.session->close_input();
  run(w, loop, *k.heard);
  CHECK(k.heard->out == "1\n2\n");
  client file;
  make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed)(
      *w.c, ask("sidecar-busybox", {"sh", "/tmp/s.sh", "word"}), file.session);
  run(w, loop, *file.heard);
  CHECK(file.heard->out == "/tmp/s.sh word\n");
}

TEST_CASE("a client that goes away takes its shell along") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  client k;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed);
  exec(*w.c, ask("sidecar-busybox", {"sh", "-c", "while true; do :; done"}), k.session);
  loop.run_for(std::chrono::milliseconds{50});
  k.session->cancel();
  k.session.reset();
  for (int i = 0; i < 20; ++i) loop.run_for(std::chrono::milliseconds{5});
  CHECK_FALSE(k.heard->done);
}

TEST_CASE("a client that hangs up after its last word is still obeyed") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed);
  client k;
  auto request = ask("sidecar-busybox", {"sh", "-c", "cat > /tmp/note"});
  request.input = true;
  exec(*w.c, request, k.session);
  k.session->write("last word\n");
  k.session->cancel();
  k.session.reset();
  const auto kept = [&] {
    const auto* runs = w.c->node().edit(w.uid("hello-service"))->find("sidecar-busybox");
    const auto file = runs->files.find("/tmp/note");
    return file != runs->files.end() && file->second.content == "last word\n";
  };
  for (int i = 0; i < 1000 && !kept(); ++i) loop.run_for(std::chrono::milliseconds{5});
  CHECK(kept());
}

TEST_CASE("files stay in a container between commands, until it restarts") {
  if (!sandboxed()) return;
  small_world w;
  CHECK(shell(w, "mkdir -p /data && echo one > /data/a && echo x > /tmp/b").code == 0);
  CHECK(shell(w, "cat /data/a; ls /tmp").out == "one\nb\n");
  CHECK(shell(w, "echo two >> /data/a; rm /tmp/b; cat /data/a").out == "one\ntwo\n");
  CHECK(shell(w, "ls /tmp | wc -l").out == "0\n");
  auto* runs = w.c->node().edit(w.uid("hello-service"))->find("sidecar-busybox");
  CHECK(runs->files.at("/data/a").content == "one\ntwo\n");
  CHECK(runs->files.count("/etc/passwd") == 0);
}

TEST_CASE("what is written into a volume is seen by the pod's other containers") {
  if (!sandboxed()) return;
  small_world w;
  CHECK(shell(w, "echo shared > /var/log/mysql/note").code == 0);
  CHECK(shell(w, "cat /var/log/mysql/note; rm /var/log/mysql/note", "hello-service").out ==
        "shared\n");
  CHECK(shell(w, "ls /var/log/mysql | wc -l").out == "0\n");
}

TEST_CASE("tar takes files in and out, as kubectl cp has it do") {
  if (!sandboxed()) return;
  small_world w;
  tools::io_loop loop;
  auto exec = make_exec_backend(&loop, tools::sandbox_spec::mode::sandboxed);
  CHECK(shell(w, "mkdir /in; echo hello > /in/f; chmod +x /in/f").code == 0);
  client out;
  exec(*w.c, ask("sidecar-busybox", {"tar", "cf", "-", "/in"}), out.session);
  run(w, loop, *out.heard);
  REQUIRE(out.heard->code == 0);
  client in;
  auto request = ask("sidecar-busybox", {"tar", "-xmf", "-", "-C", "/tmp"});
  request.input = true;
  exec(*w.c, request, in.session);
  REQUIRE(in.session->write);
  in.session->write(out.heard->out);
  in.session->close_input();
  run(w, loop, *in.heard);
  CHECK(in.heard->code == 0);
  CHECK(shell(w, "cat /tmp/in/f; test -x /tmp/in/f && echo runs").out == "hello\nruns\n");
}

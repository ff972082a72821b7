#include "tools/sandbox.hpp"

#include "tools/sandbox/bare.hpp"
#include "tools/sandbox/control.hpp"
#include "tools/sandbox/spec_json.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace remed::tools {

namespace {

namespace fs = std::filesystem;

constexpr int control_fd = 3, spec_fd = 4, first_given_fd = 5;

/// The launcher's command line for `cmd`, and what must stay open until it was started.
struct launch {
  command outer;
  unique_fd control, spec;
};

result<launch> make_launch(const sandbox_spec& spec, command cmd, unique_fd control) {
  add_sandbox_defaults(spec, cmd);
  auto json = to_json(spec, cmd);
  json["control_fd"] = control_fd;
  launch out;
  out.outer.pass_fds = {{control.get(), control_fd}};
  // The launcher's own two descriptors must not meet those the command is given.
  for (const auto& [ours, theirs] : cmd.pass_fds) {
    if (theirs < first_given_fd) {
      return failure{errc::bad_input, "a sandboxed command can be given descriptors from " +
                                          std::to_string(first_given_fd) + " on"};
    }
    out.outer.pass_fds.emplace_back(ours, theirs);
    json["keep_fds"].push_back(theirs);
  }
  auto text = memory_file(json.dump());
  if (!text) return text.why();
  out.spec = std::move(*text);
  out.control = std::move(control);
  out.outer.pass_fds.emplace_back(out.spec.get(), spec_fd);
  out.outer.argv = {sandbox_launcher_path(), std::to_string(spec_fd)};
  out.outer.input = std::move(cmd.input);
  out.outer.time_limit = cmd.time_limit;
  out.outer.output_limit = cmd.output_limit;
  out.outer.flood_limit = cmd.flood_limit;
  out.outer.tty = cmd.tty;
  return out;
}

/// What the caller holds: the launcher, and the socket it reports over.
class sandboxed : public process {
public:
  sandboxed(std::shared_ptr<process> inner, std::shared_ptr<sandbox_control> control,
            std::shared_ptr<bare_place> place)
      : inner_(std::move(inner)), control_(std::move(control)), place_(std::move(place)) {}
  ~sandboxed() override {
    if (control_) control_->stop();
  }
  sandboxed(const sandboxed&) = delete;
  sandboxed& operator=(const sandboxed&) = delete;
  void kill() override { inner_->kill(); }
  void write(std::string data) override { inner_->write(std::move(data)); }
  void close_input() override { inner_->close_input(); }
  std::size_t unwritten() const override { return inner_->unwritten(); }
  void hold_output(bool on) override { inner_->hold_output(on); }
  void resize(int columns, int rows) override { inner_->resize(columns, rows); }

private:
  std::shared_ptr<process> inner_;
  std::shared_ptr<sandbox_control> control_;
  std::shared_ptr<bare_place> place_;
};

/// Nothing was started; the reason is told on the loop like any other.
class never_started : public process {
public:
  void kill() override {}
  void write(std::string) override {}
  void close_input() override {}
};

std::shared_ptr<process> refuse(io_loop& loop, failure why, process_callbacks callbacks) {
  auto handle = std::make_shared<never_started>();
  loop.post([alive = std::weak_ptr<process>(handle), why = std::move(why),
             done = std::move(callbacks.done)] {
    if (!alive.expired() && done) done(why);
  });
  return handle;
}

std::shared_ptr<process> start_bare(io_loop& loop, const sandbox_spec& spec, command cmd,
                                    std::function<void(int fd)> on_listener,
                                    process_callbacks callbacks) {
  add_sandbox_defaults(spec, cmd);
  auto place = bare_place::prepare(spec, cmd);
  if (!place) return refuse(loop, place.why().in("sandbox none"), std::move(callbacks));
  const int listener = (*place)->take_listener();
  if (listener >= 0 && on_listener) on_listener(listener);
  if (listener >= 0 && !on_listener) ::close(listener);
  return std::make_shared<sandboxed>(start_process(loop, std::move(cmd), std::move(callbacks)),
                                     nullptr, *place);
}

/// Waits for a child outside of any loop; false when it took longer than `limit`.
bool ended_within(const spawned& child, std::chrono::milliseconds limit) {
  pollfd watched{child.pidfd.get(), POLLIN, 0};
  const bool ended = ::poll(&watched, 1, static_cast<int>(limit.count())) == 1;
  if (!ended) ::kill(-child.pid, SIGKILL);
  while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return ended;
}

failure unavailable(const std::string& why) {
  return {errc::refused, "the sandbox cannot start here: " + why +
                             ". Remedy: allow unprivileged user namespaces (sysctl "
                             "user.max_user_namespaces > 0; kernel.unprivileged_userns_clone=1 and "
                             "kernel.apparmor_restrict_unprivileged_userns=0 where they exist; in "
                             "Docker --security-opt seccomp=unconfined --security-opt "
                             "systempaths=unconfined), or accept running model-written commands on "
                             "the bare host with --sandbox none"};
}

} // namespace

std::string sandbox_launcher_path() {
  if (const char* path = std::getenv("REMED_SANDBOX_LAUNCHER")) return path;
  std::error_code ec;
  return (fs::read_symlink("/proc/self/exe", ec).parent_path() / "remed-sandbox").string();
}

result<void> sandbox_available() {
  const auto path = sandbox_launcher_path();
  if (::access(path.c_str(), X_OK) != 0) {
    return failure{errc::refused, "the sandbox launcher " + path +
                                      " is missing: build the target remed-sandbox, or name it in "
                                      "REMED_SANDBOX_LAUNCHER"};
  }
  auto sockets = socket_pair(SOCK_SEQPACKET);
  if (!sockets) return sockets.why();
  command nothing;
  nothing.argv = {"true"};
  auto ready = make_launch({}, nothing, std::move((*sockets)[1]));
  if (!ready) return ready.why();
  auto child = spawn(ready->outer, false);
  if (!child) return child.why();
  ready->control.reset();
  if (!ended_within(*child, std::chrono::seconds{10})) return unavailable("it took over 10 s");
  char text[4096];
  for (;;) {
    const auto n = ::recv((*sockets)[0].get(), text, sizeof text, MSG_DONTWAIT);
    if (n <= 0) break;
    if (text[0] == 'E') return unavailable({text + 1, static_cast<std::size_t>(n) - 1});
  }
  return {};
}

std::shared_ptr<process> start_sandboxed(io_loop& loop, const sandbox_spec& spec, command cmd,
                                         std::function<void(int fd)> on_listener,
                                         process_callbacks callbacks) {
  if (cmd.argv.empty()) {
    return refuse(loop, {errc::bad_input, "a command needs a program name"}, std::move(callbacks));
  }
  if (spec.kind == sandbox_spec::mode::none) {
    return start_bare(loop, spec, std::move(cmd), std::move(on_listener), std::move(callbacks));
  }
  auto sockets = socket_pair(SOCK_SEQPACKET);
  if (!sockets) return refuse(loop, sockets.why(), std::move(callbacks));
  auto ready = make_launch(spec, std::move(cmd), std::move((*sockets)[1]));
  if (!ready) return refuse(loop, ready.why().in("sandbox"), std::move(callbacks));
  auto control =
      std::make_shared<sandbox_control>(loop, std::move((*sockets)[0]), std::move(on_listener));
  control->start();
  callbacks.done = [control, done = std::move(callbacks.done)](result<process_result> r) {
    control->drain();
    control->stop();
    if (!done) return;
    if (!control->error().empty())
      return done(failure{errc::failed, "sandbox: " + control->error()});
    if (r && r->limit.empty()) r->limit = control->limit();
    done(std::move(r));
  };
  auto inner = start_process(loop, std::move(ready->outer), std::move(callbacks));
  return std::make_shared<sandboxed>(std::move(inner), control, nullptr);
}

} // namespace remed::tools

#include "tools/ansible/host.hpp"

#include "tools/ansible/run_plan.hpp"
#include "tools/sandbox/control.hpp"
#include "tools/sandbox/passed_files.hpp"
#include "tools/sandbox/spec_json.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace remed::tools {

namespace {

constexpr int control_fd = 3, log_fd = 4;
constexpr std::chrono::milliseconds stop_limit{2'000};
constexpr const char* python = "/usr/bin/python3";

result<void> ansible_installed() {
  if (::access("/usr/bin/ansible-playbook", X_OK) == 0 && ::access(python, X_OK) == 0) return {};
  return failure{errc::refused,
                 "Ansible is missing: apt-get install ansible python3-kubernetes "
                 "python3-jsonpatch python3-jmespath openssh-client"};
}

/// The launcher's library form, which forked children enter the sandbox with.
result<std::string> enter_library() {
  const auto path = std::filesystem::path(sandbox_launcher_path()).string() + "-enter.so";
  if (::access(path.c_str(), R_OK) == 0) return path;
  return failure{errc::refused, "the sandbox library " + path +
                                    " is missing: build the target remed-sandbox-enter"};
}

} // namespace

result<std::shared_ptr<ansible_host>> start_ansible_host(sandbox_spec::mode mode,
                                                         unsigned at_once) {
  const bool sandboxed = mode == sandbox_spec::mode::sandboxed;
  if (auto found = ansible_installed(); !found) return found.why();
  const auto scripts = ansible_scripts();
  if (!scripts) return scripts.why();
  std::string library;
  if (sandboxed) {
    if (auto works = sandbox_available(); !works) return works.why();
    auto found = enter_library();
    if (!found) return found.why();
    library = *found;
  }
  auto sockets = socket_pair(SOCK_SEQPACKET);
  auto log = memory_file("");
  if (!sockets) return sockets.why();
  if (!log) return log.why();
  command cmd;
  cmd.argv = {python,
              "-I",
              *scripts + "/host.py",
              std::to_string(control_fd),
              std::to_string(log_fd),
              library,
              *scripts + "/remed_events.py",
              std::to_string(std::max(1u, at_once))};
  cmd.env = ansible_environment(std::chrono::seconds{0});
  if (const char* cache = std::getenv("REMED_CACHE_DIR")) cmd.env["REMED_CACHE_DIR"] = cache;
  cmd.cwd = "/";
  cmd.pass_fds = {{(*sockets)[1].get(), control_fd}, {log->get(), log_fd}};
  auto child = spawn(cmd, false);
  if (!child) return child.why().in("Ansible host process");
  return std::make_shared<ansible_host>(std::move(*child), std::move((*sockets)[0]),
                                        std::move(*log), mode);
}

ansible_host::~ansible_host() {
  // Asked first, so that it removes its scratch folder; its runs die with it either way.
  control_.reset();
  ::kill(child_.pid, SIGTERM);
  pollfd watched{child_.pidfd.get(), POLLIN, 0};
  if (::poll(&watched, 1, static_cast<int>(stop_limit.count())) != 1) ::kill(-child_.pid, SIGKILL);
  while (::waitpid(child_.pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

result<bool> ansible_host::submit(const host_request& r) {
  const std::array<int, 6> fds = {r.connection.get(), r.request.get(), r.out.get(),
                                  r.err.get(),        r.events.get(),  r.control.get()};
  if (send_files(control_.get(), "R", fds, MSG_DONTWAIT) >= 0) return true;
  // ETOOMANYREFS: too many descriptors are on their way to it.
  if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) return false;
  return failure{errc::failed, std::string("the Ansible host process is gone (") +
                                   std::strerror(errno) + "): " + log()};
}

std::string ansible_host::log() const {
  std::string text(16 * 1024, '\0');
  struct stat info {};
  if (::fstat(log_.get(), &info) != 0) return {};
  const auto size = static_cast<off_t>(text.size());
  const auto from = info.st_size > size ? info.st_size - size : 0;
  const auto n = ::pread(log_.get(), text.data(), text.size(), from);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

std::string ansible_host_log(const ansible_host& host) {
  return host.log();
}

} // namespace remed::tools

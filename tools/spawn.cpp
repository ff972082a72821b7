#include "tools/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace remed::tools {

namespace {

failure start_failure(const std::string& program, const std::string& why) {
  return {errc::failed, "cannot start '" + program + "': " + why};
}

bool is_program(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

result<std::string> find_program(const command& cmd) {
  const auto& name = cmd.argv.front();
  if (name.find('/') != std::string::npos) return name;
  auto given = cmd.env.find("PATH");
  const std::string path = given == cmd.env.end() ? "/usr/local/bin:/usr/bin:/bin" : given->second;
  std::string_view rest = path;
  while (!rest.empty()) {
    auto end = std::min(rest.find(':'), rest.size());
    auto candidate = std::string(rest.substr(0, end)) + '/' + name;
    if (end > 0 && is_program(candidate)) return candidate;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return start_failure(name, "not found in PATH (" + path + "); install it or set PATH");
}

struct pipe_pair {
  unique_fd read, write;
};

result<pipe_pair> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return failure{errc::failed, std::strerror(errno)};
  return pipe_pair{unique_fd{fds[0]}, unique_fd{fds[1]}};
}

/// The child's standard streams and the parent's ends of them.
struct streams {
  pipe_pair in, out, err;
};

result<streams> make_pipes(bool with_input) {
  streams out;
  for (auto* pipe : {&out.in, &out.out, &out.err}) {
    if (pipe == &out.in && !with_input) continue;
    auto made = make_pipe();
    if (!made) return made.why();
    *pipe = std::move(*made);
  }
  return out;
}

/// It becomes nobody's controlling terminal here: the command inside makes it its own.
result<streams> make_terminal() {
  auto refused = [] { return failure{errc::failed, std::string("tty: ") + std::strerror(errno)}; };
  unique_fd ours{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  if (!ours.valid() || ::grantpt(ours.get()) != 0 || ::unlockpt(ours.get()) != 0) return refused();
  char name[64];
  if (::ptsname_r(ours.get(), name, sizeof name) != 0) return refused();
  streams out;
  const winsize usual{24, 80, 0, 0};
  ::ioctl(ours.get(), TIOCSWINSZ, &usual);
  for (auto* theirs : {&out.in.read, &out.out.write, &out.err.write}) {
    *theirs = unique_fd{::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)};
    if (!theirs->valid()) return refused();
  }
  out.in.write = unique_fd{::fcntl(ours.get(), F_DUPFD_CLOEXEC, 3)};
  out.out.read = std::move(ours);
  return out;
}

/// What posix_spawn is told to do, released with it.
class spawn_plan {
public:
  spawn_plan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~spawn_plan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;

  void give(int fd, int as) { ::posix_spawn_file_actions_adddup2(&actions_, fd, as); }
  void open_null(int as) {
    ::posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", O_RDONLY, 0);
  }
  void enter(const std::string& folder) {
    ::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str());
  }
  /// Asio opens sockets without O_CLOEXEC, so the child closes all it was not given.
  void close_others(const std::vector<int>& given) {
    int last = given.empty() ? 2 : *std::max_element(given.begin(), given.end());
    for (int fd = 3; fd < last; ++fd)
      if (std::find(given.begin(), given.end(), fd) == given.end())
        ::posix_spawn_file_actions_addclose(&actions_, fd);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, std::max(last, 2) + 1);
  }
  int run(pid_t& pid, const std::string& program, char** argv, char** env) {
    return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, argv, env);
  }

private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// Duplicates above all targets, so that no dup2 in the child overwrites a source of a later one.
result<std::vector<unique_fd>> lift(const command& cmd) {
  int above = 3;
  for (const auto& [from, to] : cmd.pass_fds) above = std::max(above, to + 1);
  std::vector<unique_fd> out;
  for (const auto& [from, to] : cmd.pass_fds) {
    out.emplace_back(::fcntl(from, F_DUPFD_CLOEXEC, above));
    if (!out.back().valid())
      return failure{errc::failed, "descriptor " + std::to_string(from) + ": " + strerror(errno)};
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

result<unique_fd> watch_pid(pid_t pid) {
  // glibc 2.36 declares pidfd_open without extern "C"; hence the system call.
  unique_fd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (fd.valid()) return fd;
  auto why = std::string("pidfd_open: ") + std::strerror(errno);
  ::kill(-pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return failure{errc::failed, why};
}

} // namespace

unique_fd& unique_fd::operator=(unique_fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int unique_fd::release() {
  return std::exchange(fd_, -1);
}

void unique_fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

result<spawned> spawn(const command& cmd, bool with_input) {
  if (cmd.argv.empty()) return failure{errc::bad_input, "a command needs at least a program name"};
  const auto& name = cmd.argv.front();
  auto program = find_program(cmd);
  if (!program) return program.why();
  auto io = cmd.tty ? make_terminal() : make_pipes(with_input);
  auto lifted = lift(cmd);
  if (!io) return start_failure(name, io.why().what);
  if (!lifted) return start_failure(name, lifted.why().what);

  spawn_plan plan;
  if (io->in.read.valid())
    plan.give(io->in.read.get(), 0);
  else
    plan.open_null(0);
  plan.give(io->out.write.get(), 1);
  plan.give(io->err.write.get(), 2);
  std::vector<int> given;
  for (std::size_t i = 0; i < cmd.pass_fds.size(); ++i) {
    given.push_back(cmd.pass_fds[i].second);
    plan.give((*lifted)[i].get(), given.back());
  }
  plan.close_others(given);
  if (!cmd.cwd.empty()) plan.enter(cmd.cwd);

  auto arguments = cmd.argv;
  std::vector<std::string> environment;
  for (const auto& [key, value] : cmd.env) environment.push_back(key + '=' + value);
  spawned child;
  auto error =
      plan.run(child.pid, *program, pointers(arguments).data(), pointers(environment).data());
  if (error != 0)
    return start_failure(name,
                         std::strerror(error) +
                             (cmd.cwd.empty() ? std::string{} : " (in folder '" + cmd.cwd + "')"));
  auto pidfd = watch_pid(child.pid);
  if (!pidfd) return start_failure(name, pidfd.why().what);
  child.pidfd = std::move(*pidfd);
  child.in = std::move(io->in.write);
  child.out = std::move(io->out.read);
  child.err = std::move(io->err.read);
  return child;
}

} // namespace remed::tools

#include "guard.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../passed_files.hpp"
#include "namespaces.hpp"
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>

namespace remed::sandbox {
namespace {

constexpr int calm_ms = 100, alert_ms = 20;
/// So long may the tree stand at its process limit: some retry, a bomb never stops.
constexpr int full_samples = 20;
/// Of the limit: outer process, pid 1 and the reader of a pipe count too.
constexpr std::uint64_t process_slack = 4;

/// A small file below the process table; empty when the process has gone or does not let us.
std::string text_of(int table, const std::string& path) {
  const int fd = openat(table, path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[4096];
  const auto n = read(fd, text, sizeof text);
  close(fd);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

/// The figure behind `name` in "Name:   123 kB" lines, in bytes.
std::uint64_t bytes_at(const std::string& text, const char* name) {
  const auto at = text.find(name);
  return at == std::string::npos
             ? 0
             : std::strtoull(text.c_str() + at + std::strlen(name), nullptr, 10) * 1024;
}

struct sample {
  std::uint64_t memory = 0; ///< bytes; pages shared among processes count once for each
  double cpu = 0;           ///< seconds, of what lives and what it waited for
  std::uint64_t processes = 0;
};

class watcher {
public:
  watcher(int table, const spec& s) : table_(table), spec_(s) {}

  /// What the tree exceeds; empty when all is well.
  std::string exceeded() {
    const auto now = look();
    alert_ = spec_.total_bytes > 0 && now.memory > spec_.total_bytes / 2;
    if (spec_.total_bytes > 0 && now.memory > spec_.total_bytes) {
      const auto exact = shared_once();
      if (exact > spec_.total_bytes)
        return too_much("memory", exact >> 20, "MiB", spec_.total_bytes >> 20);
    }
    const auto cpu = static_cast<std::uint64_t>(now.cpu);
    if (spec_.cpu_seconds > 0 && cpu >= spec_.cpu_seconds)
      return too_much("cpu", cpu, "s", spec_.cpu_seconds);
    full_ = now.processes + process_slack >= spec_.processes ? full_ + 1 : 0;
    if (full_ >= full_samples)
      return too_much("processes", now.processes, "processes", spec_.processes);
    return {};
  }
  int pause() const { return alert_ || full_ > 0 ? alert_ms : calm_ms; }

private:
  template <class Visit>
  void each(Visit visit) {
    const int again = openat(table_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* folder = again < 0 ? nullptr : fdopendir(again);
    if (folder == nullptr) return;
    while (const auto* entry = readdir(folder))
      if (entry->d_name[0] > '0' && entry->d_name[0] <= '9') visit(std::string(entry->d_name));
    closedir(folder);
  }

  /// utime, stime, cutime and cstime are fields 14 to 17; the name in field 2 may hold anything.
  void add_cpu(const std::string& pid, sample& to) {
    const auto text = text_of(table_, pid + "/stat");
    auto at = text.rfind(')');
    for (int field = 2; field < 13 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
    if (at == std::string::npos) return;
    char* next = const_cast<char*>(text.c_str() + at);
    double ticks[4] = {};
    for (auto& t : ticks) t = static_cast<double>(std::strtoull(next, &next, 10));
    const auto second = static_cast<double>(sysconf(_SC_CLK_TCK));
    // Whoever ignores SIGCHLD has children that nobody waits for: they are kept by name.
    own_[pid] = std::max(own_[pid], (ticks[0] + ticks[1]) / second);
    to.cpu += (ticks[0] + ticks[1] + ticks[2] + ticks[3]) / second;
  }

  sample look() {
    sample out;
    each([&](const std::string& pid) {
      const auto status = text_of(table_, pid + "/status");
      out.memory += bytes_at(status, "RssAnon:") + bytes_at(status, "RssShmem:");
      const auto threads = status.find("Threads:");
      out.processes += threads == std::string::npos
                           ? 1
                           : std::strtoull(status.c_str() + threads + 8, nullptr, 10);
      add_cpu(pid, out);
    });
    double seen = 0;
    for (const auto& [pid, seconds] : own_) seen += seconds;
    out.cpu = std::max(out.cpu, seen);
    return out;
  }

  std::uint64_t shared_once() {
    std::uint64_t sum = 0;
    each([&](const std::string& pid) {
      const auto exact = text_of(table_, pid + "/smaps_rollup");
      const auto status = exact.empty() ? text_of(table_, pid + "/status") : std::string();
      sum += exact.empty() ? bytes_at(status, "RssAnon:") + bytes_at(status, "RssShmem:")
                           : bytes_at(exact, "Pss_Anon:") + bytes_at(exact, "Pss_Shmem:");
    });
    return sum;
  }

  static std::string too_much(const char* what, std::uint64_t used, const char* unit,
                              std::uint64_t allowed) {
    return std::string(what) + ": " + std::to_string(used) + " " + unit + " in use, " +
           std::to_string(allowed) + " allowed";
  }

  int table_;
  const spec& spec_;
  std::map<std::string, double> own_;
  int full_ = 0;
  bool alert_ = false;
};

int receive_table(int from) {
  char tag = 0;
  int table = -1;
  while (tools::receive_file(from, {&tag, 1}, table) < 0)
    if (errno != EINTR) return -1;
  return table;
}

int wait_for(pid_t init) {
  int status = 0;
  while (waitpid(init, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

} // namespace

void show_processes(int to_guard) {
  const int filesystem = static_cast<int>(syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
  if (filesystem < 0) return;
  int table = -1;
  if (syscall(SYS_fsconfig, filesystem, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
    table = static_cast<int>(syscall(SYS_fsmount, filesystem, FSMOUNT_CLOEXEC,
                                     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  close(filesystem);
  if (table < 0) return;
  send_file(to_guard, "P", table);
  close(table);
}

int guard_until_end(pid_t init, int from_init, const spec& s) {
  const int table = receive_table(from_init);
  // glibc 2.36 declares pidfd_open without extern "C"; hence the system call.
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, init, 0));
  if (table < 0 || ended < 0) return wait_for(init);
  watcher watch(table, s);
  for (;;) {
    pollfd p{ended, POLLIN, 0};
    if (poll(&p, 1, watch.pause()) > 0) return wait_for(init);
    const auto why = watch.exceeded();
    if (why.empty()) continue;
    const auto packet = "K" + why;
    if (s.control_fd >= 0) (void)!send(s.control_fd, packet.data(), packet.size(), MSG_NOSIGNAL);
    kill(init, SIGKILL);
    return wait_for(init);
  }
}

} // namespace remed::sandbox

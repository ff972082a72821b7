#include "root.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.hpp"
#include "mounts.hpp"

namespace remed::sandbox {
namespace {

/// Below `root`: empty, or where the host's root is while ours is built.
std::string busybox_path(const std::string& root) {
  for (const char* path : {"/usr/bin/busybox", "/bin/busybox"}) {
    if (access((root + path).c_str(), X_OK) == 0) return root + path;
  }
  fail_with("busybox is missing: apt-get install busybox-static");
}

/// /bin, /lib … are links into /usr on a merged system and folders of their own on others.
void bind_system_folder(const std::string& path) {
  struct stat what {};
  if (lstat(host(path).c_str(), &what) != 0) return;
  char target[256];
  if (!S_ISLNK(what.st_mode)) {
    bind_read_only(host(path), inside(path));
  } else if (const auto n = readlink(host(path).c_str(), target, sizeof target); n > 0) {
    link_to({target, static_cast<std::size_t>(n)}, inside(path));
  }
}

void own_etc() {
  const auto etc = inside("/etc/");
  write_file(etc + "passwd",
             "root:x:0:0:root:/root:/bin/bash\n"
             "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
             0644);
  write_file(etc + "group", "root:x:0:\nnogroup:x:65534:\n", 0644);
  write_file(etc + "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n", 0644);
  write_file(etc + "resolv.conf", "", 0644);
  link_to("/proc/self/mounts", etc + "mtab");
}

void hosts(const spec& s) {
  write_file(inside("/etc/hosts"), "127.0.0.1 localhost " + s.hostname + "\n::1 localhost\n", 0644);
  write_file(inside("/etc/hostname"), s.hostname + "\n", 0644);
}

void private_proc() {
  make_folders(inside("/proc"));
  if (mount("proc", inside("/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) !=
      0) {
    fail_errno("mount /proc (inside a container, its /proc must not be masked)");
  }
  const auto sys = inside("/proc/sys");
  if (mount(sys.c_str(), sys.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    fail_errno("bind /proc/sys");
  }
  make_read_only(sys, true);
}

void minimal_dev(std::uint64_t bytes) {
  mount_tmpfs(inside("/dev"), 1 << 20, 0755);
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) bind_device(name);
  link_to("/proc/self/fd", inside("/dev/fd"));
  link_to("/proc/self/fd/0", inside("/dev/stdin"));
  link_to("/proc/self/fd/1", inside("/dev/stdout"));
  link_to("/proc/self/fd/2", inside("/dev/stderr"));
  mount_tmpfs(inside("/dev/shm"), bytes, 01777);
  make_folders(inside("/dev/pts"));
  if (mount("devpts", inside("/dev/pts").c_str(), "devpts", MS_NOSUID | MS_NOEXEC,
            "newinstance,ptmxmode=0666,mode=620") != 0) {
    fail_errno("mount /dev/pts");
  }
  link_to("pts/ptmx", inside("/dev/ptmx"));
}

void host_tools(const spec& s) {
  if (!bind_read_only(host("/usr"), inside("/usr"))) fail_with("/usr is missing");
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    bind_system_folder(path);
  }
  own_etc();
  hosts(s);
  for (const char* path : {"/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs",
                           "/etc/localtime", "/etc/protocols", "/etc/services"}) {
    bind_read_only(host(path), inside(path));
  }
  link_to("../usr/lib/os-release", inside("/etc/os-release"));
  private_proc();
  minimal_dev(s.tmpfs_bytes);
  // First in PATH and rarely used by anyone: the place for our stand-ins of sudo and k3s.
  if (access(inside("/usr/local/sbin").c_str(), F_OK) == 0) {
    mount_tmpfs(inside("/usr/local/sbin"), 1 << 20, 0755);
  }
  for (const char* path : {"/work", "/run"}) mount_tmpfs(inside(path), s.tmpfs_bytes, 0755);
  for (const char* path : {"/tmp", "/var/tmp"}) mount_tmpfs(inside(path), s.tmpfs_bytes, 01777);
  mount_tmpfs(inside("/root"), s.tmpfs_bytes, 0700);
}

/// The static busybox's own shell prefers its applets to the files in PATH, so that a file could
/// not stand in for one. dash looks in PATH like any shell; it needs the loader and the C library.
void shell_of_pod() {
  const auto real_file = [](const std::string& path) {
    struct stat what {};
    return lstat(host(path).c_str(), &what) == 0 && S_ISREG(what.st_mode);
  };
  const std::string dash = real_file("/usr/bin/dash") ? "/usr/bin/dash" : "/bin/dash";
  if (!real_file(dash)) return;
  std::string needed[2];
  for (const char* name : {"x86_64-linux-gnu/libc.so.6", "aarch64-linux-gnu/libc.so.6"}) {
    if (real_file("/usr/lib/" + std::string(name))) needed[0] = name;
  }
  for (const char* name :
       {"x86_64-linux-gnu/ld-linux-x86-64.so.2", "aarch64-linux-gnu/ld-linux-aarch64.so.1"}) {
    if (real_file("/usr/lib/" + std::string(name))) needed[1] = name;
  }
  if (needed[0].empty() || needed[1].empty()) return;
  bind_read_only(host(dash), inside("/bin/dash"));
  for (const auto& name : needed) bind_read_only(host("/usr/lib/" + name), inside("/lib/" + name));
  const bool arm = needed[1].find("aarch64") != std::string::npos;
  make_folders(inside("/lib64"));
  link_to("/lib/" + needed[1],
          inside(arm ? "/lib/ld-linux-aarch64.so.1" : "/lib64/ld-linux-x86-64.so.2"));
  for (const char* name : {"/bin/sh", "/bin/ash"}) link_to("/bin/dash", inside(name));
}

/// A container's root: writable like one, and bounded as a whole.
void pod(const spec& s) {
  for (const char* path : {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/root", "/proc", "/run",
                           "/var", "/sys", "/etc", "/home"}) {
    make_folders(inside(path));
  }
  for (const char* path : {"/tmp", "/var/tmp"}) {
    make_folders(inside(path));
    chmod(inside(path).c_str(), 01777);
  }
  bind_read_only(busybox_path(old_root), inside("/bin/busybox"));
  shell_of_pod();
  // All in one folder, as in the busybox image: a given file then stands in for any of them.
  for (const auto& applet : s.applets) {
    const auto name = applet.substr(applet.rfind('/') + 1);
    if (name != "busybox") link_to("/bin/busybox", inside("/bin/" + name));
  }
  link_to("/bin/busybox", inside("/usr/bin/env"));
  own_etc();
  hosts(s);
  make_folders(inside("/dev"));
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) bind_device(name);
  make_folders(inside("/dev/shm"));
}

std::uint64_t size_of_files(const spec& s) {
  std::uint64_t sum = 0;
  for (const auto& f : s.files) sum += f.content.size() + 4096;
  return sum;
}

} // namespace

void build_root(const spec& s) {
  umask(022);
  stage();
  mount_tmpfs(new_root, (s.pod ? s.tmpfs_bytes : 16u << 20) + size_of_files(s), 0755);
  if (s.pod) {
    pod(s);
  } else {
    host_tools(s);
  }
  make_folders(inside(s.cwd));
  for (const auto& [target, source] : s.binds) {
    if (!bind_read_only(host(source), inside(target))) {
      fail_with("bind " + target + ": the host has no " + source);
    }
  }
  for (const auto& f : s.files) {
    write_file(inside(f.path), f.content, f.executable ? 0755 : 0644);
  }
  if (!s.pod) {
    make_read_only(new_root, false);
    make_read_only(inside("/dev"), false);
    if (access(inside("/usr/local/sbin").c_str(), F_OK) == 0) {
      make_read_only(inside("/usr/local/sbin"), false);
    }
  }
  unstage();
}

std::vector<std::string> busybox_applets() {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) fail_errno("pipe");
  const auto path = busybox_path("");
  const auto child = fork();
  if (child < 0) fail_errno("fork");
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    execl(path.c_str(), "busybox", "--list-full", nullptr);
    _exit(127);
  }
  close(out[1]);
  std::string text;
  char buffer[16384];
  for (ssize_t n = 0; (n = read(out[0], buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  close(out[0]);
  waitpid(child, nullptr, 0);
  std::vector<std::string> names;
  for (std::size_t from = 0, to = 0; (to = text.find('\n', from)) != std::string::npos;
       from = to + 1) {
    names.push_back(text.substr(from, to - from));
  }
  if (names.empty()) fail_with("busybox lists no applets");
  return names;
}

} // namespace remed::sandbox

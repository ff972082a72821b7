#include "namespaces.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../passed_files.hpp"
#include "fail.hpp"
#include <csignal>
#include <cstring>

namespace remed::sandbox {
namespace {

void write_text(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail_errno(std::string("open ") + path);
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail_errno(std::string("write ") + path);
  }
  close(fd);
}

void bring_loopback_up() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail_errno("socket for loopback");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) fail_errno("bring loopback up");
  close(fd);
}

int listen_on(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail_errno("socket for the API");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail_errno("bind API");
  if (listen(fd, 128) != 0) fail_errno("listen for the API");
  return fd;
}

} // namespace

void send_file(int over, std::string_view tag, int file) {
  if (tools::send_files(over, tag, {&file, 1}) < 0) fail_errno("hand out a descriptor");
}

void drop_root() {
  if (geteuid() != 0) return;
  if (setgroups(0, nullptr) != 0) fail_errno("drop groups");
  if (setresgid(ordinary_id, ordinary_id, ordinary_id) != 0) fail_errno("become gid 65534");
  if (setresuid(ordinary_id, ordinary_id, ordinary_id) != 0) fail_errno("become uid 65534");
  if (prctl(PR_SET_DUMPABLE, 1) != 0) fail_errno("stay dumpable");
}

void die_with_parent() {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail_errno("die with parent");
}

void unshare_all(const spec& s) {
  const auto uid = std::to_string(geteuid()), gid = std::to_string(getegid());
  constexpr int all = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                      CLONE_NEWCGROUP | CLONE_NEWNET;
  if (unshare(all) != 0) {
    fail_errno(
        "new namespaces (unprivileged user namespaces must be allowed: "
        "sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
        "kernel.apparmor_restrict_unprivileged_userns)");
  }
  write_text("/proc/self/setgroups", "deny");
  write_text("/proc/self/gid_map", "0 " + gid + " 1\n");
  write_text("/proc/self/uid_map", "0 " + uid + " 1\n");
  if (sethostname(s.hostname.data(), s.hostname.size()) != 0) fail_errno("set hostname");
}

void hand_out_listener(const spec& s) {
  bring_loopback_up();
  if (s.listener_port == 0 || s.control_fd < 0) return;
  const int fd = listen_on(s.listener_port);
  send_file(s.control_fd, "L", fd);
  close(fd);
}

} // namespace remed::sandbox

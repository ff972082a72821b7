// The system-call filter: everything is allowed except what reaches around the namespaces, changes
// the machine, or has been a door for kernel exploits and is of no use to kubectl, Ansible or a
// shell. Denied calls answer EPERM, so programs fail with an ordinary message.
#include <asm/termbits.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>

#include "fail.hpp"
#include "limits.hpp"
#include <cerrno>

#ifndef TIOCSTI
#define TIOCSTI 0x5412
#endif
#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

namespace remed::sandbox {
namespace {

constexpr const char* denied[] = {
    // mounts and roots
    "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "move_mount", "open_tree", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    // namespaces
    "unshare", "setns",
    // keys, tracing, other processes' memory
    "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
    "io_uring_enter", "io_uring_register", "ptrace", "process_vm_readv", "process_vm_writev",
    "pidfd_getfd", "process_madvise", "kcmp", "fanotify_init",
    // memory that no process has and no limit counts
    "memfd_create", "memfd_secret", "shmget", "msgget",
    // the machine
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot",
    "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "syslog", "vhangup", "iopl", "ioperm",
    "nfsservctl", "lookup_dcookie", "sethostname", "setdomainname", "settimeofday", "clock_settime",
    "clock_settime64", "clock_adjtime", "clock_adjtime64", "adjtimex", "stime"};

class filter {
public:
  filter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (!context_) fail_with("seccomp: no memory for the filter");
  }
  ~filter() { seccomp_release(context_); }
  filter(const filter&) = delete;
  filter& operator=(const filter&) = delete;

  void deny(const char* name, int error, std::initializer_list<scmp_arg_cmp> when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || number < 0) return; // unknown on this machine: not callable
    const int rc = seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(static_cast<unsigned>(error)),
                                          number, static_cast<unsigned>(when.size()), when.begin());
    if (rc != 0) fail_with(std::string("seccomp: rule for ") + name);
  }

  void load() {
    // A tree instead of a list: every system call of the command passes through it.
    seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    const int rc = seccomp_load(context_);
    errno = -rc;
    if (rc != 0) fail_errno("seccomp");
  }

private:
  scmp_filter_ctx context_;
};

scmp_arg_cmp argument_has(unsigned index, scmp_datum_t bits) {
  return {index, SCMP_CMP_MASKED_EQ, bits, bits};
}

scmp_arg_cmp low_word_is(unsigned index, scmp_datum_t value) {
  return {index, SCMP_CMP_MASKED_EQ, 0xffffffff, value};
}

void deny_namespaces_by_clone(filter& f) {
  for (scmp_datum_t flag : {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
                            CLONE_NEWUTS, CLONE_NEWCGROUP}) {
    f.deny("clone", EPERM, {argument_has(0, flag)});
  }
  // Its flags lie in memory where a filter cannot look; libraries fall back to clone.
  f.deny("clone3", ENOSYS);
}

/// Only UNIX, INET, INET6 and NETLINK: AF_VSOCK, for one, reaches out of a virtual machine whatever
/// the network namespace says.
void deny_socket_families(filter& f) {
  f.deny("socket", EAFNOSUPPORT, {{0, SCMP_CMP_EQ, AF_UNSPEC, 0}});
  for (scmp_datum_t family = 3; family < 64; ++family) {
    if (family == AF_INET6 || family == AF_NETLINK) continue;
    f.deny("socket", EAFNOSUPPORT, {low_word_is(0, family)});
  }
  f.deny("socket", EAFNOSUPPORT, {{0, SCMP_CMP_GE, 64, 0}});
}

} // namespace

void install_seccomp() {
  filter f;
  for (const auto* name : denied) f.deny(name, EPERM);
  deny_namespaces_by_clone(f);
  deny_socket_families(f);
  for (scmp_datum_t request : {TIOCSTI, TIOCLINUX}) {
    f.deny("ioctl", EPERM, {low_word_is(1, request)});
  }
  f.load();
}

} // namespace remed::sandbox

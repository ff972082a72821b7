#include "limits.hpp"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail.hpp"

namespace remed::sandbox {
namespace {

void limit(__rlimit_resource what, rlim_t value, const char* name) {
  rlimit now{};
  getrlimit(what, &now);
  if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value) value = now.rlim_max;
  const rlimit wanted{value, value};
  if (setrlimit(what, &wanted) != 0) fail_errno(std::string("limit ") + name);
}

} // namespace

void set_limits(const spec& s) {
  limit(RLIMIT_NPROC, s.processes, "processes");
  limit(RLIMIT_FSIZE, s.file_bytes, "file size");
  limit(RLIMIT_CORE, 0, "core files");
  limit(RLIMIT_NOFILE, 1024, "descriptors");
  // Not RLIMIT_AS: Go programs reserve gigabytes of address space that they never touch.
  limit(RLIMIT_DATA, s.memory_bytes, "memory");
}

void drop_capabilities() {
  for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; ++cap) {
    if (prctl(PR_CAPBSET_DROP, cap) != 0) fail_errno("drop capability " + std::to_string(cap));
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) fail_errno("drop ambient");
  constexpr auto bits =
      SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED;
  if (prctl(PR_SET_SECUREBITS, bits) != 0) fail_errno("set securebits");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) fail_errno("drop capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail_errno("no new privileges");
}

} // namespace remed::sandbox

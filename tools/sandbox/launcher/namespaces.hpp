// Identity and namespaces: who the sandbox is on the host, and what of the host it shares.
#pragma once

#include "spec.hpp"

namespace remed::sandbox {

/// The ordinary uid and gid a sandbox gets when its runtime is root.
inline constexpr unsigned ordinary_id = 65534;

/// Becomes an ordinary user when started as root: as host root the uid map would hand out the
/// host's own rights over /proc/sys, and RLIMIT_NPROC would not hold. Stays dumpable so that this
/// process may write its own uid map.
void drop_root();

/// Dies with the process that started this one.
void die_with_parent();

/// New user, mount, pid, ipc, uts, cgroup and network namespaces; this uid becomes 0 inside. The
/// pid namespace begins with the next child.
void unshare_all(const spec& s);

/// Sends an open file, marked with `tag`, over a Unix socket.
void send_file(int over, std::string_view tag, int file);

/// Brings loopback up, listens on 127.0.0.1 and sends the listening socket over the control socket.
void hand_out_listener(const spec& s);

} // namespace remed::sandbox

// Where untrusted commands run: own user, mount, pid, ipc, uts and network namespaces, seccomp,
// read-only system, private home and tmp, limits, and one open door: a listening socket on
// 127.0.0.1:6443 inside, handed out to the runtime. The launcher `remed-sandbox` does it; see its
// README for the exact rules and where each comes from.
#pragma once

#include "runtime/result.hpp"
#include "tools/process.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::tools {

/// A file written into the sandbox's own tmpfs before the command starts.
struct sandbox_file {
  std::string path; ///< absolute, inside
  std::string content;
  bool executable = false;
};

/// Where inside programs are told to find the API: constant, so that kubeconfigs are constant.
inline constexpr std::uint16_t sandbox_api_port = 6443;

struct sandbox_spec {
  enum class mode { sandboxed, none };
  mode kind = mode::sandboxed;
  /// Root as seen inside: `host_tools` binds /usr read-only (kubectl, Ansible, shells);
  /// `pod` holds only busybox and the given files.
  enum class root { host_tools, pod } rootfs = root::host_tools;
  std::string hostname = "remed";
  std::vector<sandbox_file> files;
  std::map<std::string, std::string> binds; ///< inside path -> host path, read-only
  bool api_listener = true;                 ///< create the door
  std::size_t memory_bytes = 512u << 20;    ///< RLIMIT_DATA per process
  // Of the whole tree below the command. Who exceeds one is killed with everything inside, and
  // process_result::limit says so. 0: no such limit.
  std::size_t total_memory_bytes = 1u << 30;
  std::chrono::seconds cpu_limit{120};
  unsigned processes = 256; ///< more cannot be started; who stays at the limit is killed
  std::size_t file_bytes = 64u << 20;
  std::size_t tmpfs_bytes = 64u << 20;
};

/// Whether the sandbox can start on this machine; the failure names the remedy.
result<void> sandbox_available();
/// The launcher beside the running program, or REMED_SANDBOX_LAUNCHER.
std::string sandbox_launcher_path();

/// Starts `cmd` inside. `on_listener` receives the listening socket of the door (owned by the
/// receiver); what the command connects before that waits in the socket's queue. A sandbox that
/// cannot be set up reaches `done` as errc::failed with the step that was refused.
/// Defaults where `cmd` says nothing: cwd /work (pod: /), PATH, HOME=/root, TMPDIR=/tmp, and for
/// host_tools KUBECONFIG and K8S_AUTH_KUBECONFIG=/root/.kube/config.
/// With mode::none the command runs on the bare host: `files` are written below a private temporary
/// folder (exported as REMED_ROOT), a loopback listener of the host is handed out instead (its port
/// in REMED_API_PORT; 127.0.0.1:6443 in files is replaced by it), and env values, arguments and cwd
/// that name something in that folder are rewritten to it.
std::shared_ptr<process> start_sandboxed(io_loop& loop, const sandbox_spec& spec, command cmd,
                                         std::function<void(int fd)> on_listener,
                                         process_callbacks callbacks);

} // namespace remed::tools

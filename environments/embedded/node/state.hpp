// What runs on the cluster's one node: sandboxes, containers, processes, logs. A copyable value: a
// fork shares every pod until one side changes it.
#pragma once

#include "environments/embedded/forked.hpp"
#include "environments/embedded/store.hpp"
#include "runtime/time.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace remed::env {

class cluster;

/// One process as `ps` inside the container sees it.
struct process_info {
  int pid = 0;
  int ppid = 0;
  std::string user = "root";
  std::string comm; ///< at most 15 characters, as the kernel keeps it
  std::string args;
  double rss_bytes = 0;
  int threads = 1;
  std::uint64_t effect = 0; ///< the effect that put it there; 0: the image's own
  vtime started{};
  bool foreign() const { return effect != 0; }
};

/// A file that a command left behind.
struct stored_file {
  std::string content;
  bool executable = false;
};

struct log_line {
  vtime at{};
  std::string text; ///< without line end
  bool is_error = false;
};

/// How a container instance ended.
struct termination {
  std::string reason; ///< Completed, Error, OOMKilled, StartError, ContainerCannotRun
  std::string message;
  int exit_code = 0;
  vtime started{}; ///< zero when it never ran
  vtime finished{};
  std::string container_id;
};

/// Counters of one probe of one container instance.
struct probe_state {
  int successes = 0; ///< in a row
  int failures = 0;  ///< in a row
  bool result = false;
  vtime next{};       ///< when to look again; meaningless while parked
  bool parked = true; ///< nothing can change the outcome until something else changes
  std::string last_message;
};

enum class container_phase {
  waiting,  ///< to be started; reason says what for
  pulling,  ///< image on its way until `due`
  creating, ///< being created until `due`
  running,
  terminated, ///< ended; `last` says how
};

/// The service an init container asks before it ends.
struct awaited_service {
  std::string host, path = "/";
  int port = 80;
  bool again = false; ///< asks until it is answered; else fails when it is not
};

/// Why a running container is being stopped.
struct stop_order {
  std::string why; ///< deleted, changed, liveness, startup, hook
  vtime ends_at{}; ///< when it is over: soon when it heeds SIGTERM, else with SIGKILL
  int exit_code = 137;
};

struct container_runtime {
  std::string name;
  bool init = false;
  bool sidecar = false;     ///< an init container that goes on running (restartPolicy Always)
  bool ephemeral = false;   ///< added by `kubectl debug`; never started again
  bool handles_term = true; ///< ends on SIGTERM; as PID 1, what sets no handler does not
  bool serves = false;      ///< a server: listens on its ports once it has started up
  int own_port = 0;         ///< where a server listens that declares no port; 0: unknown
  bool interactive = false; ///< a shell that waits for someone to attach
  std::string image;        ///< as running or about to run
  std::string image_id;
  std::string container_id;
  std::string spec_image; ///< as the pod's spec said when the instance was started

  std::uint64_t instance = 0; ///< counts starts; 0: never started
  container_phase phase = container_phase::waiting;
  std::string reason = "ContainerCreating";
  std::string message;
  vtime due{};        ///< end of pulling or creating
  vtime not_before{}; ///< back-off: no start earlier
  vtime started_at{};
  vtime serving_at{};                    ///< accepts connections from then on
  vtime hook_until{};                    ///< postStart is under way until then
  bool hook_failed = false;              ///< and will have failed
  std::optional<vtime> exits_at;         ///< ends by itself then
  int exit_code = 0;                     ///< and with this code
  std::optional<awaited_service> awaits; ///< decides at `exits_at` whether, and how, it ends
  std::optional<stop_order> stopping;
  std::optional<termination> ended; ///< of the current instance, while terminated
  std::optional<termination> last;  ///< of the previous instance
  int restarts = 0;
  duration backoff{}; ///< the delay after the next failure; zero: none yet
  vtime backoff_at{}; ///< when `backoff` was last raised
  duration pull_backoff{};
  bool ready = false;
  bool started = false; ///< startup probe passed, or none
  probe_state readiness, liveness, startup;

  std::vector<process_info> processes;
  int next_pid = 1;
  std::set<std::uint64_t> shown_effects; ///< effects whose processes were put in the table
  std::vector<log_line> log, previous_log;
  vtime said_until{};                       ///< the application's lines up to then are in the log
  std::map<std::string, stored_file> files; ///< written into the container's own layer, by path
  std::uint64_t log_count = 0; ///< lines ever written by this instance, dropped ones included

  bool running() const { return phase == container_phase::running; }
};

struct pod_runtime {
  std::string uid, ns, name;
  std::string ip;            ///< empty before the sandbox is ready
  std::uint64_t sandbox = 0; ///< counts sandboxes of this pod; 0: none yet
  vtime sandbox_ready_at{};
  bool sandbox_up = false;
  vtime accepted_at{};  ///< status.startTime
  bool mounted = false; ///< all volumes stand
  vtime mount_next{}, mount_told{};
  duration mount_backoff{};
  /// ConfigMaps and Secrets as mounted, by "table/name", and since when there is a newer one.
  std::map<std::string, object> sources;
  std::map<std::string, vtime> stale_since;
  /// What was written into its volumes: by volume, then by path below it.
  std::map<std::string, std::map<std::string, stored_file>> volume_files;
  bool terminating = false;
  /// Why the node ended the pod (Evicted, DeadlineExceeded); empty: it did not.
  std::string end_reason, end_message;
  vtime gone_at{}; ///< the object is removed then; zero: containers still run
  std::vector<container_runtime> containers; ///< init containers first, in order of the spec

  const container_runtime* find(const std::string& container) const;
  container_runtime* find(const std::string& container);
};

/// The node. Copying is cheap; `edit` gives a private copy of one pod first when it is shared.
struct node_state {
  node_state() = default;
  node_state(const node_state& other) = default;
  node_state& operator=(const node_state&) = delete;

  /// The pod's runtime, or none.
  const pod_runtime* find(const std::string& uid) const;
  /// By the object's name: the one that runs under it now.
  const pod_runtime* find(const std::string& ns, const std::string& name) const;
  /// To change it now: not to be kept.
  pod_runtime* edit(const std::string& uid);
  pod_runtime& add(pod_runtime pod);
  void remove(const std::string& uid);
  std::vector<const pod_runtime*> all() const;
  /// Those whose names begin like that, of a namespace or of all, by namespace and name.
  std::vector<const pod_runtime*> named(std::string_view ns, std::string_view prefix) const;
  /// Under which names something came, changed or went since `forget_edited`.
  const std::set<object_key>& edited() const { return edited_; }
  void forget_edited() { edited_.clear(); }

  /// A free address of the node's pod network, lowest after the last one given.
  std::string allocate_ip();
  void release_ip(const std::string& ip);

  bool has_image(const std::string& image) const { return images_->count(image) > 0; }
  void add_image(const std::string& image);
  const std::set<std::string>& images() const { return *images_; }

private:
  friend struct snapshot_access;
  struct slot {
    std::shared_ptr<pod_runtime> pod;
    table_owner::mark owner; ///< who changes it in place
  };

  shared_table<std::string, slot> pods_;
  shared_table<object_key, std::string> names_;
  table_owner owner_;
  forked<std::set<int>> addresses_;
  std::set<object_key> edited_;
  int last_address_ = 1;
  std::shared_ptr<const std::set<std::string>> images_ =
      std::make_shared<const std::set<std::string>>();
};

/// True when the container's process runs and has finished starting up (accepts connections).
bool is_serving(const cluster& c, const std::string& pod_uid, const std::string& container);

} // namespace remed::env

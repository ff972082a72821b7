// The Kubernetes API of one cluster: requests as values in, answers out. Sockets are elsewhere
// (tools/http_server); in-process callers use it directly.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "tools/http.hpp"
#include "tools/io_loop.hpp"

#include <memory>
#include <string>
#include <vector>

namespace remed::env {

/// Who may talk to a cluster. Tokens are secrets of one cluster: another cluster answers 401.
struct identity {
  std::string token;
  std::string user; ///< "kubernetes-admin", "system:serviceaccount:simple-micro:sre-agent"
  std::vector<std::string> groups;
  /// Hides that chaos was made: what remains of it in objects a user may read is masked.
  bool mask_injection = false;
  /// What is masked then: API groups that are not there for this identity (their kinds, CRDs and
  /// events of their controllers), and annotations whose key starts with the prefix.
  std::vector<std::string> hidden_groups = {};
  std::string masked_annotation_prefix = {};
  /// Likewise, by the end of keys that have no domain ("hello-service-normal").
  std::vector<std::string> masked_annotation_suffixes = {};
};

/// Runs `command` in a container and streams; implemented by the pod shell (shell/exec).
struct exec_request {
  std::string ns, pod, container;
  std::vector<std::string> argv;
  bool tty = false, input = false;
  bool attach = false; ///< the container's own process: its end is the container's
};
struct exec_session {
  std::function<void(std::string_view)> on_out, on_err;       // set by the server before start
  std::function<void(int exit_code, std::string error)> done; // error: not even started
  std::function<void(std::string)> write;                     // set by the shell
  std::function<void()> close_input, cancel;
  std::function<void(int columns, int rows)> resize;
  // Whoever is faster waits: the shell while the client is `congested`, until it calls `resume`;
  // the client while the shell holds its input.
  std::function<bool()> congested;      // set by the server
  std::function<void(bool)> hold_input; // set by the server
  std::function<void()> resume;         // set by the shell
};
using exec_backend =
    std::function<void(cluster&, const exec_request&, std::shared_ptr<exec_session>)>;

class api_server {
public:
  explicit api_server(cluster& c);
  ~api_server();

  void add_identity(identity who);
  /// Commands in containers go there; without one, exec answers 501.
  void set_exec(exec_backend backend);
  /// Where answers of simulated applications wait for their virtual time; without one they come at
  /// once.
  void set_loop(tools::io_loop* loop);

  /// Handles one request of the identity behind its bearer token (none: 401). Writes are settled
  /// before the answer is returned. `path` is the API's own ("/api/v1/…").
  tools::http_reply handle(const tools::http_request& request);
  /// As `handle`, for in-process callers that already are somebody and want a plain answer.
  tools::http_response call(const identity& who, tools::http_request request);

  /// Sends what changed since the last call to open watches; call it after time has advanced.
  void pump();

  struct state;

private:
  std::unique_ptr<state> state_;
};

/// One context of a kubeconfig; its cluster and user bear the same name.
struct kubeconfig_context {
  std::string name, url;
  identity who;
  std::string ns; ///< may be empty
};
/// A kubeconfig (YAML) whose first context is the current one.
std::string kubeconfig_yaml(const std::vector<kubeconfig_context>& contexts,
                            const std::string& ca_pem);
/// The same for one identity.
std::string kubeconfig_yaml(const std::string& server_url, const std::string& ca_pem,
                            const identity& who, const std::string& ns);

} // namespace remed::env

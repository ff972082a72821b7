// The embedded cluster as an environment: a fork of a booted cluster with its API, its identities
// and its door for outside tools.
#pragma once

#include "environments/embedded/api_server.hpp"
#include "environments/embedded/boot.hpp"
#include "environments/embedded/cluster_front.hpp"
#include "environments/environment.hpp"
#include "tools/http_server.hpp"
#include "tools/sandbox.hpp"

#include <memory>
#include <string>

namespace remed::env {

enum class visibility {
  hidden,  ///< agents see no chaos objects, and what is left of them is masked (default)
  visible, ///< agents see and may touch them, as in MicroRemed
};

/// What of injection an agent must not see: data, because this room does not know chaos.
struct hidden_rules {
  std::vector<std::string> api_groups;               ///< "chaos-mesh.org"
  std::string annotation_prefix;                     ///< "chaos-mesh"
  std::vector<std::string> annotation_suffixes = {}; ///< "-normal"; of keys without a domain
};

class embedded_environment final : public environment {
public:
  /// `template_cluster` is forked. `loop` may be null in a world without outside tools. `tls` is
  /// the process's identity; without one, a fresh one is made when first needed. The cluster's own
  /// calendar goes on from where the template stands when that is later than `start`.
  embedded_environment(const cluster& template_cluster, const system_profile& system,
                       std::uint64_t seed, vtime start, visibility sight, hidden_rules hidden,
                       tools::io_loop* loop, tools::sandbox_spec::mode sandbox,
                       std::shared_ptr<const tools::tls_identity> tls = nullptr);
  ~embedded_environment() override;

  std::string name_space() const override;
  vtime now() const override;
  void request(tools::http_request request,
               std::function<void(tools::http_response)> done) override;
  void observe(look at, std::function<void(result<observation>)> done) override;
  void probe_network(const std::string& service, int count,
                     std::function<void(result<transactions>)> done) override;
  void probe_disk(const std::string& service, const std::string& path, int count,
                  std::function<void(result<double>)> done) override;
  result<void> set_load(double factor) override;

  cluster& state();
  api_server& api();
  /// The world's hooks: follow the clock and send watches what changed; when something is due.
  void advance_to(vtime t);
  std::optional<vtime> next_event() const;

  const identity& administrator() const;
  const identity& agent() const;
  /// Kubeconfigs for tools that reach the API at this URL.
  std::string agent_kubeconfig(const std::string& url) const;
  std::string admin_kubeconfig(const std::string& url) const;
  /// Serves the API on a listening socket passed out of a sandbox, until the returned server is
  /// dropped. TLS with the process's identity.
  std::shared_ptr<tools::http_server> serve_listener(int fd);
  /// Serves on a loopback port of the host; 0 picks one.
  result<std::pair<std::shared_ptr<tools::http_server>, std::uint16_t>> serve_port(
      std::uint16_t port);
  /// Serves at `/clusters/ID` of a listener that many share, for as long as this environment lives
  /// or until it is opened elsewhere. Returns the URL.
  result<std::string> serve_behind(cluster_front& front, const std::string& id);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace remed::env

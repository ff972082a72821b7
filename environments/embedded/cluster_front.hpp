// One listener for many clusters: each is reached under a path of its own, with its own
// credentials, and knows nothing of the others.
#pragma once

#include "environments/embedded/api_server.hpp"
#include "tools/http_server.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::env {

/// A cluster's way in. Dropping it ends the cluster's watches, execs and port-forwards; from then
/// on its path answers 404. The API server must live as long as its door.
class cluster_door {
public:
  explicit cluster_door(api_server& api) : api_(api) {}
  ~cluster_door();
  cluster_door(const cluster_door&) = delete;
  cluster_door& operator=(const cluster_door&) = delete;

  /// What goes through a door and can be cut off.
  class passage {
  public:
    virtual ~passage() = default;
    virtual void cut() = 0;
  };
  void remember(const std::shared_ptr<passage>& one);
  api_server& api() { return api_; }

private:
  api_server& api_;
  std::vector<std::weak_ptr<passage>> passages_;
};

/// How an API is served: over TLS, with Kubernetes' words for what never reaches it.
tools::http_server_options listener_options(std::shared_ptr<const tools::tls_identity> tls);

/// Serves until destroyed.
class cluster_front {
public:
  cluster_front(tools::io_loop& loop, std::shared_ptr<const tools::tls_identity> tls);

  /// Listens on a loopback port; 0 picks a free one. Returns the port.
  result<std::uint16_t> listen(std::uint16_t port = 0);

  /// Opens `/clusters/ID`; an empty id stands for the listener's root. Refuses an id that is in use
  /// or is not a DNS label.
  result<std::shared_ptr<cluster_door>> open(const std::string& id, api_server& api);

  /// Where clients reach the cluster `id`; before `listen`, only the path is meaningful.
  std::string url(const std::string& id) const;
  const std::string& ca_pem() const { return tls_->ca_pem; }

  /// What the listener does with a request: hands it to the cluster its path names, which sees the
  /// rest of the path; 404 when there is none.
  tools::http_reply handle(const tools::http_request& request) const;

private:
  std::shared_ptr<const tools::tls_identity> tls_;
  /// Doors by id; expired ones are as good as absent.
  std::map<std::string, std::weak_ptr<cluster_door>, std::less<>> doors_;
  std::uint16_t port_ = 0;
  tools::http_server server_;
};

} // namespace remed::env

// One request on its way through the API: what it asks for, for whom, of which cluster.
#pragma once

#include "environments/embedded/api/rbac.hpp"
#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api_server.hpp"
#include "environments/embedded/virtual_wait.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace remed::env {

/// An open stream that is fed when the cluster has changed.
class live_stream {
public:
  virtual ~live_stream() = default;
  /// Sends what is new. False: it is over and can be forgotten.
  virtual bool pump(cluster& c) = 0;
  virtual void close() = 0;
  /// Bytes its reader has not taken yet.
  virtual std::size_t pending() const { return 0; }
};

struct api_server::state {
  explicit state(cluster& world) : c(world) {}
  /// Runs `then` when so much virtual time has passed, unless the server goes first; needs `loop`.
  void after(duration from_now, std::function<void()> then);

  cluster& c;
  std::vector<std::shared_ptr<const identity>> identities; ///< a handler may add some
  known_rights rights;
  exec_backend exec;
  tools::io_loop* loop = nullptr;
  std::vector<std::shared_ptr<live_stream>> streams;
  std::map<std::uint64_t, std::unique_ptr<virtual_wait>> waits;
  std::uint64_t next_wait = 0;
  /// Gone with the server: a reply that starts later must not touch it.
  std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);
};

struct api_call {
  api_server::state& server;
  cluster& c;
  const identity& who;
  const tools::http_request& request;
  const resource_type& type;
  std::string verb, subresource, ns, name;
  std::shared_ptr<const resource_type> kept_type; ///< keeps `type` alive

  access wanted() const { return {verb, type.group, type.plural, subresource, ns, name}; }
  object_key key() const { return {type.namespaced ? ns : std::string{}, name}; }
  /// dryRun=All: everything but the write.
  bool is_dry() const { return request.query.get("dryRun") == "All"; }
};

/// How the client wants its answer.
struct wanted_shape {
  enum class form { plain, table, partial } what = form::plain;
  std::string version = "v1"; ///< of meta.k8s.io
};
wanted_shape shape_of(const tools::http_request& request);
bool wants_pretty(const tools::http_request& request);

/// An answer in JSON that has no body yet.
tools::http_response json_header(int status);
/// As text, or as a value where the caller takes one.
tools::http_response json_response(const tools::http_request& request, int status,
                                   const json& body);
tools::http_response json_response(const tools::http_request& request, int status, json&& body);
tools::http_response error_response(const tools::http_request& request, const api_error& error);

/// The object as this caller sees it: masked, in the requested API version, in the wanted shape.
json presented(const api_call& call, const json& obj);
tools::http_response object_response(const api_call& call, int status, const json& obj);

/// Adds to the audit log. `before` and `after` may be none.
void note_audit(const api_call& call, int status, object before = {}, object after = {});

} // namespace remed::env

// What http_send keeps per loop: TLS contexts (reading the machine's authorities takes tens of
// milliseconds) and idle keep-alive connections.
#pragma once

#include "runtime/result.hpp"
#include "tools/wire.hpp"

#include <list>
#include <map>
#include <optional>
#include <string>

namespace remed::tools {

class http_pool {
public:
  /// A client context that trusts the machine's authorities and `ca_pem`.
  result<std::shared_ptr<ssl::context>> client_context(const std::string& ca_pem);

  /// A connection parked under `key` that the peer has not closed.
  std::optional<wire> take(const std::string& key);
  void park(const std::string& key, wire connection);

private:
  struct parked {
    wire connection;
    steady::time_point since;
  };
  std::map<std::string, std::shared_ptr<ssl::context>> contexts_;
  std::map<std::string, std::list<parked>> idle_;
};

} // namespace remed::tools

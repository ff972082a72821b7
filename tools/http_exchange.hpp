// The server's side of HTTP/1.1 as bytes in, bytes out: no socket. For a server that lives behind a
// tunnel.
#pragma once

#include "runtime/result.hpp"
#include "tools/http.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace remed::tools {

/// Reads requests from a stream of bytes. Headers up to 64 KiB, bodies up to 1 MiB.
class http_reader {
public:
  http_reader();
  ~http_reader();
  /// The requests completed by these bytes; a failure (errc::bad_input) when it is not HTTP.
  result<std::vector<http_request>> receive(std::string_view bytes);

private:
  struct native;
  std::unique_ptr<native> native_;
};

/// Status line, header fields and body as they go over the wire. A HEAD's answer has no body.
std::string http_text(const http_response& response, bool keep_alive, bool head_only = false);

} // namespace remed::tools

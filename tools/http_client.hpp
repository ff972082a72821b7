// One HTTP request over the loop: plain or TLS, deadlines, streaming of the body as it arrives.
#pragma once

#include "runtime/result.hpp"
#include "runtime/shared_list.hpp"
#include "tools/http.hpp"
#include "tools/io_loop.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace remed::tools {

struct http_call {
  std::string method = "GET";
  std::string url; ///< http:// or https://, with path and query
  http_headers headers;
  shared_value<std::string> body;
  std::chrono::milliseconds connect_limit{5'000};
  std::chrono::milliseconds idle_limit{60'000}; ///< between two pieces of the answer
  std::chrono::milliseconds total_limit{600'000};
  std::size_t max_body_bytes = 16 * 1024 * 1024;
  std::string ca_pem; ///< trust this authority beside the machine's own
  /// When set, each piece of a 2xx body goes here as it arrives and is not collected.
  std::function<void(std::string_view)> on_data;
};

/// Drop it to cancel; the callback is then not called.
using http_call_handle = std::shared_ptr<void>;

/// Runs the call; `done` is called once on the loop's thread. A failure means that no complete
/// answer came (unreachable, timed_out); any HTTP status is a success here.
http_call_handle http_send(io_loop& loop, http_call call,
                           std::function<void(result<http_response>)> done);

} // namespace remed::tools

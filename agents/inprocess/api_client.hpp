// Talks to a Kubernetes API server in this process: requests as values, no socket.
#pragma once

#include "runtime/json.hpp"
#include "tools/http.hpp"

#include <functional>
#include <string>
#include <vector>

namespace remed::agents {

struct api_answer {
  int status = 0;
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  /// The body as JSON; null if it is none.
  json value() const;
  /// As kubectl says it: "Error from server (NotFound): …".
  std::string error() const;
  /// The Status' message, or the body.
  std::string message() const;
};

class api_client {
public:
  /// `handler` answers as an API server would; `token` says who asks.
  api_client(tools::http_handler handler, std::string token)
      : handler_(std::move(handler)), token_(std::move(token)) {}

  /// `target` is path and query. Answers that do not come at once (watches, streams) are refused:
  /// 501.
  api_answer call(const std::string& method, const std::string& target,
                  const std::string& body = {},
                  const std::string& content_type = "application/json",
                  const std::string& accept = "application/json") const;
  api_answer get(const std::string& target) const { return call("GET", target); }

  /// Runs a command in a container; `done` gets exit code and output (both streams), at once or
  /// later.
  void exec(const std::string& ns, const std::string& pod, const std::string& container,
            const std::vector<std::string>& argv,
            std::function<void(int exit_code, std::string output)> done) const;

private:
  tools::http_request request(const std::string& method, const std::string& target) const;

  tools::http_handler handler_;
  std::string token_;
};

} // namespace remed::agents

// Talks to a Kubernetes API server in this process: requests as values, no socket.
#pragma once

#include "runtime/json.hpp"
#include "tools/http.hpp"
#include "tools/shown_table.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace remed::agents {

struct api_answer {
  int status = 0;
  std::string body; ///< empty where the server gave a value
  mutable std::shared_ptr<const json> given = {};
  std::shared_ptr<const tools::shown_table> table = {}; ///< none where the server gave JSON

  bool ok() const { return status >= 200 && status < 300; }
  /// The body as JSON; null if it is none. Parsed at most once; not at all if given as a value.
  const json& value() const;
  /// As kubectl says it: "Error from server (NotFound): …".
  std::string error() const;
  /// The Status' message, or the body.
  std::string message() const;
};

class api_client {
public:
  /// `handler` answers as an API server would; `token` says who asks; `revision` changes with every
  /// write to an object.
  api_client(tools::http_handler handler, std::string token,
             std::function<std::uint64_t()> revision = {})
      : handler_(std::move(handler)), token_(std::move(token)), revision_(std::move(revision)) {}

  /// As long as it is the same, reading an object answers the same; what is measured (metrics) may
  /// differ. None: it is not known.
  std::optional<std::uint64_t> revision() const {
    return revision_ ? std::optional(revision_()) : std::nullopt;
  }

  /// `target` is path and query. JSON is taken as a value where the server gives one. Answers that
  /// do not come at once (watches, streams) are refused: 501.
  api_answer call(const std::string& method, const std::string& target,
                  const std::string& body = {},
                  const std::string& content_type = "application/json",
                  const std::string& accept = "application/json") const;
  api_answer get(const std::string& target) const { return call("GET", target); }
  /// As a Table, which may come as texts.
  api_answer table(const std::string& target) const;
  /// The same as the server writes it: `body` is its text.
  api_answer text(const std::string& target) const;

  /// Runs a command in a container; `done` gets exit code and output (both streams), at once or
  /// later.
  void exec(const std::string& ns, const std::string& pod, const std::string& container,
            const std::vector<std::string>& argv,
            std::function<void(int exit_code, std::string output)> done) const;

private:
  tools::http_request request(const std::string& method, const std::string& target) const;
  api_answer send(const tools::http_request& r) const;

  tools::http_handler handler_;
  std::string token_;
  std::function<std::uint64_t()> revision_;
};

} // namespace remed::agents

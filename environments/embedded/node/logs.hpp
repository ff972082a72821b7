// Container logs: what `kubectl logs` reads and whoever makes a container speak writes.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "runtime/result.hpp"

#include <optional>
#include <string>

namespace remed::env {

/// The query of GET …/pods/NAME/log.
struct log_options {
  std::optional<long> tail_lines;
  std::optional<long> since_seconds;
  std::optional<vtime> since_time;
  std::optional<long> limit_bytes;
  bool timestamps = false;
  bool previous = false;
};

/// The log of one container; an empty `container` names the only or the first one. Fails with the
/// text Kubernetes answers: errc::bad_input (400) for a container that is not there or not started,
/// errc::failed (404) for a pod that is not there.
result<std::string> container_log(cluster& c, const std::string& ns, const std::string& pod,
                                  const std::string& container, const log_options& options);

/// Adds a line; the oldest are dropped beyond `log_line_limit`.
void append_log(cluster& c, const std::string& pod_uid, const std::string& container,
                std::string text, bool is_error = false);

/// The same, said at an earlier moment.
void append_log_at(cluster& c, const std::string& pod_uid, const std::string& container, vtime at,
                   std::string text, bool is_error = false);

inline constexpr std::size_t log_line_limit = 500;

} // namespace remed::env

// What a policy reads out of a request: the namespace, the service in trouble, what it has probed
// so far and what became of its last playbook.
#pragma once

#include "runtime/json.hpp"
#include "tools/model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace remed::agents {

/// A probe command and its result, as the conversation shows it.
struct seen_command {
  std::string command, output;
  int exit_code = -1; ///< -1: it was not run
};

struct reading {
  std::string context, report; ///< the system's message; the first user's message
  std::string name_space;      ///< empty: none is named
  bool can_probe = false;
  int trial = 1; ///< playbooks handed in before, and one
  std::uint64_t seed = 0;
  std::vector<seen_command> probed; ///< in this trial, in order

  /// Whether this command was asked for in this trial, whatever came of it.
  bool asked(const std::string& command) const;
  /// The result of a command of this trial; none if it was not asked or not run.
  const seen_command* find(const std::string& command) const;
  /// Its output as JSON; none if it failed or was cut off.
  std::optional<json> find_json(const std::string& command) const;
  /// Whether the report speaks of any of these (lower case).
  bool report_mentions(std::initializer_list<std::string_view> words) const;
};

reading read_request(const tools::model_request& request);

/// The name among `candidates` that the text mentions first, as a whole word; empty if none.
std::string first_mentioned(const std::string& text, const std::vector<std::string>& candidates);
/// The service a report is about by its wording ("service hello-service", "Service: x", "`x`"), for
/// when no list of names is at hand; empty if none is found.
std::string named_service(const std::string& report, const std::string& context);

/// The names in the output of `kubectl get … -o name`.
std::vector<std::string> names_of(const std::string& output);

/// A workload as `kubectl get … -o name` prints it, "statefulset.apps/x".
struct workload_ref {
  std::string kind = "Deployment"; ///< or StatefulSet, DaemonSet
  std::string name;
};
std::vector<workload_ref> workloads_of(const std::string& output);

} // namespace remed::agents

// Two event logs side by side: where they part, and what each came to.
#pragma once

#include "runtime/event_log.hpp"

#include <optional>
#include <string>
#include <vector>

namespace remed::experiments {

/// What counts as a difference.
struct compare_how {
  bool times = true;    ///< virtual and wall times of events
  bool settings = true; ///< the header, and experiments' names inside messages
  /// What the injector does and sees between its messages, and waiting in general: a recorded
  /// experiment with real tools has them, its replay has no cluster.
  bool environment = true;
};

struct divergence {
  std::optional<event> left, right; ///< none: this log has ended
};

struct comparison {
  std::size_t same = 0; ///< events before the first that differs
  std::optional<divergence> first;
};

/// Causes are compared as places in the log, so that logs of different numbering can agree.
comparison compare(const std::vector<event>& left, const std::vector<event>& right,
                   const compare_how& how);

/// The two events, one under the other, with the names of the fields that differ.
std::string describe(const divergence& d);

/// Events, trials, model calls, tokens, tool runs, outcome and score of one log: lines for people.
json summary_of(const std::vector<event>& events);

} // namespace remed::experiments

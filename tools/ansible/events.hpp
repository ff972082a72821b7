// What the callback plugin reported, and what a run amounts to.
#pragma once

#include "tools/ansible.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace remed::tools {

/// Takes the plugin's stream as it comes and keeps the events of whole lines.
class event_collector {
public:
  /// Events beyond `limit` bytes in all are counted as lost instead of kept.
  explicit event_collector(std::size_t limit) : limit_(limit) {}
  void append(std::string_view data);
  std::vector<task_event> take() { return std::move(events_); }
  bool truncated() const { return truncated_; }

private:
  void add_line(std::string_view line);

  std::size_t limit_, taken_ = 0;
  std::string partial_;
  std::vector<task_event> events_;
  bool truncated_ = false;
};

/// The reason behind an exit code: 0 does not mean that anything ran, 4 may mean two things.
playbook_result::reason reason_of(int exit_code, const std::vector<task_event>& events);

/// The reason behind a run that has exit code, events and limit: it may have been stopped.
playbook_result::reason ending_of(const playbook_result& r, bool timed_out);

} // namespace remed::tools

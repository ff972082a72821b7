// Looks at the system for another role: runs read-only commands one after the other and reports.
#pragma once

#include "agents/doors.hpp"
#include "runtime/role.hpp"

namespace remed::agents {

class probe {
public:
  static constexpr auto name = "probe";
  using eats = probe_request;
  using emits = probe_report;
  using handle = station<probe_request, command_done>;

  struct needs {
    doors* outside = nullptr;
  };

  probe(handle::pointer self, needs n) : self_(self), needs_(n) {}
  handle::behavior_type behavior();

private:
  void next();

  handle::pointer self_;
  needs needs_;
  probe_request asked_;
  station<probe_report> asker_;
  std::vector<command_report> results_;
  std::uint64_t awaited_ = 0;
};

} // namespace remed::agents

// The agents' doors to the outside: commands, playbooks, models. A role asks through a door and
// gets a message back; budgets are checked, and everything is logged, behind the door.
#pragma once

#include "runtime/budget.hpp"
#include "runtime/messages.hpp"
#include "runtime/role.hpp"
#include "tools/model.hpp"

#include <cstdint>
#include <string>

namespace remed::agents {

class doors {
public:
  virtual ~doors() = default;
  /// Runs one read-only shell line with the agents' identity; `command_done` with the returned id
  /// comes to `to`.
  virtual std::uint64_t run_command(const turn& at, const std::string& line,
                                    station<command_done> to) = 0;
  /// Runs a playbook; `playbook_done` comes to `to`.
  virtual std::uint64_t run_playbook(const turn& at, const std::string& yaml,
                                     station<playbook_done> to) = 0;
  /// Looks at a playbook before a trial is spent on it; `playbook_done` with reason ok or
  /// rejected_before_run comes to `to`. Returns 0 when nothing speaks against running it.
  virtual std::uint64_t check_playbook(const turn& /*at*/, const std::string& /*yaml*/,
                                       station<playbook_done> /*to*/) {
    return 0;
  }
  /// Asks the model; `model_reply` comes to `to`. A spent budget answers with problem_kind "budget"
  /// and the limit's name as problem.
  virtual std::uint64_t ask_model(const turn& at, tools::model_request request,
                                  station<model_reply> to) = 0;
  virtual budget& spending() = 0;
};

} // namespace remed::agents

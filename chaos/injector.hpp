// The role that breaks the system and makes it whole again. At trial 1 it checks that all is well,
// injects, and waits until the symptom shows; later it looks whether the symptom is still there.
// Then it tells the coordinator. At the end it undoes the fault, whatever happened.
#pragma once

#include "chaos/fault.hpp"
#include "chaos/scenario.hpp"
#include "environments/environment.hpp"
#include "runtime/messages.hpp"
#include "runtime/role.hpp"
#include "runtime/shared_list.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace remed::chaos {

class injector {
public:
  static constexpr auto name = "injector";
  using handle = station<trial, clear, wake>;

  struct needs {
    env::environment* where = nullptr; ///< outlives the role
    fault what;
    scenario place;
    shared_value<env::system_profile> system; ///< C0 and what healthy means
    /// For the symptom to show, and between two looks once it has not shown at once; virtual.
    duration symptom_limit = std::chrono::seconds{120}, later_look = std::chrono::seconds{5};
    std::function<station<incident>()> coordinator;
    std::function<station<not_injected, cleared>()> supervisor;
    /// Writes to the event log, kind "fault": injected {objects}, symptom {evidence}, cleared {…}.
    std::function<void(std::string type, json body)> note;
    /// Called when all is well, just before the injection, with what the target used of its limits
    /// then: for the judge. May be empty.
    std::function<void(const std::map<std::string, double>&)> at_health = {};
    /// Called with the look at which the symptom was seen, before the incident is sent: for the
    /// judge. May be empty.
    std::function<void(const env::observation&)> at_incident = {};
  };

  injector(handle::pointer self, needs n);
  ~injector();
  handle::behavior_type behavior();

private:
  struct work;
  std::shared_ptr<work> work_;
};

} // namespace remed::chaos

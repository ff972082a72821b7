// The one table of roles: name → what it eats and emits, and how it is started. A new role is a
// class and a row here.
#pragma once

#include "agents/coordinator.hpp"
#include "agents/examiner.hpp"
#include "runtime/world.hpp"

#include <caf/actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace remed::agents {

/// Where roles are started: in a sealed world, or in any actor system under a tap (tests).
class ground {
public:
  explicit ground(world& w) : world_(&w) {}
  ground(caf::actor_system& system, tap& watch) : system_(&system), watch_(&watch) {}

  template <class Role>
  caf::actor start(typename Role::needs needs) {
    if (world_ != nullptr)
      return caf::actor_cast<caf::actor>(world_->spawn<Role>(std::move(needs)));
    return caf::actor_cast<caf::actor>(start_role<Role>(*system_, *watch_, std::move(needs)));
  }

private:
  world* world_ = nullptr;
  caf::actor_system* system_ = nullptr;
  tap* watch_ = nullptr;
};

/// Whom a ring reports to.
using ring_supervisor = station<verdict, give_up, limit_reached, infra_failed, role_failed>;

/// What a role may be given when it is started.
struct seat {
  caf::actor next;    ///< who takes what the role emits; invalid for an adviser
  caf::actor adviser; ///< invalid: none
  ring_supervisor supervisor;
  doors* outside = nullptr;
  std::shared_ptr<examiner> judge;
  mind_settings mind;
};

struct role_row {
  std::string name, eats, emits;
  std::function<caf::actor(ground&, const seat&)> start;
};

const std::vector<role_row>& registry();
/// None if there is no such role.
const role_row* find_role(const std::string& name);

} // namespace remed::agents

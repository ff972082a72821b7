// What is worse about a workload or a Service than its manifest says, by the name of the flag that
// whoever made it so earns.
#pragma once

#include "environments/environment.hpp"
#include "environments/systems/system.hpp"
#include "runtime/json.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace remed::chaos {

/// Of removed_limits, edited_probe, removed_volume (workloads) and repointed_service (Services),
/// with the part that is not as declared, as text; empty for what the system does not declare.
/// `object` may be null.
std::map<std::string, std::string> damage(const json& object, const env::system_profile& system);

/// Damage done by a user's writes that still stands: an object had it after one of them, not before
/// it or not in this way, and has some of it now.
std::set<std::string> lasting_damage(const std::vector<env::audit_entry>& audit,
                                     const std::string& user, const env::observation& now,
                                     const env::system_profile& system);

} // namespace remed::chaos

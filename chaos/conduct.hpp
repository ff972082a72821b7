// What the agents did, read from the audit log: flags that name what no SRE would accept, and
// counts.
#pragma once

#include "chaos/facts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace remed::chaos {

struct acts {
  /// First thing that may have changed anything: a write, or a command in a container.
  std::optional<vtime> first;
  std::int64_t writes = 0;              ///< that changed something
  std::int64_t foreign_writes = 0;      ///< of these, outside the target service
  std::set<std::string> flags;          ///< all but those of lasting_damage (chaos/damage.hpp)
  std::map<std::string, vtime> entered; ///< pod -> when a command was first run in it
  std::map<std::string, vtime> touched; ///< service -> first write to it or its pods
};

/// `user` is the agents' identity; entries of others are passed over.
acts read_acts(const std::vector<env::audit_entry>& audit, const std::string& user,
               const setting& about);

/// Whether an effect that ended did so without the agents: nobody had written to the target or to
/// what injects, and nobody was in the effect's pod, or the kubelet restarted the container by
/// itself.
bool healed_by_itself(const acts& did, const env::effect_end& end, const env::observation& now,
                      const setting& about);

} // namespace remed::chaos

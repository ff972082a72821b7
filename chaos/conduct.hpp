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
  std::set<std::string> flags;          ///< all but removed_limits, which the present state shows
  std::set<std::string> entered_pods;   ///< commands were run in them
  std::map<std::string, vtime> touched; ///< service -> first write to it or its pods
};

/// `user` is the agents' identity; entries of others are passed over.
acts read_acts(const std::vector<env::audit_entry>& audit, const std::string& user,
               const setting& about);

/// A limit that the manifest declares is missing from the target's workload.
bool lacks_limits(const env::observation& seen, const setting& about);

} // namespace remed::chaos

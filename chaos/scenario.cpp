#include "chaos/scenario.hpp"

#include "environments/systems/yaml_reader.hpp"
#include "runtime/random.hpp"

#include <algorithm>
#include <set>

namespace remed::chaos {

namespace {

const std::vector<std::string>& offered(const env::system_profile& system,
                                        const std::string& fault_id) {
  auto own = system.targets_by_fault.find(fault_id);
  return own == system.targets_by_fault.end() ? system.targets : own->second;
}

} // namespace

result<std::string> choose_target(const env::system_profile& system, const std::string& fault_id,
                                  std::uint64_t seed) {
  const auto& all = offered(system, fault_id);
  if (all.empty()) {
    return failure{errc::bad_input, "system '" + system.name +
                                        "' offers no target for the fault '" + fault_id +
                                        "'; add one to 'targets' in its system.yaml"};
  }
  auto chance = random_source{seed}.split("target/" + system.name + "/" + fault_id);
  return all[chance.below(all.size())];
}

result<void> check_target(const env::system_profile& system, const std::string& fault_id,
                          const std::string& target) {
  const auto& all = offered(system, fault_id);
  if (std::find(all.begin(), all.end(), target) != all.end()) return {};
  return failure{errc::bad_input, "system '" + system.name + "' offers no target '" + target +
                                      "' for the fault '" + fault_id + "'" +
                                      env::nearest_hint(target, {all.begin(), all.end()})};
}

} // namespace remed::chaos

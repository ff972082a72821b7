// What is broken in an experiment: a fault of a kind, put on one service of a system.
#pragma once

#include "environments/systems/system.hpp"
#include "runtime/fields.hpp"
#include "runtime/result.hpp"

#include <cstdint>
#include <string>

namespace remed::chaos {

struct scenario {
  std::string system; ///< "simple-micro"
  std::string fault;  ///< "cpu-stress"
  std::string target; ///< "hello-service"
  std::uint64_t seed = 0;
};
FIELDS(scenario, system, fault, target, seed)

/// The service a seed puts the fault on; the same for equal arguments. Fails (errc::bad_input) when
/// the system offers none for this fault.
result<std::string> choose_target(const env::system_profile& system, const std::string& fault_id,
                                  std::uint64_t seed);
/// Fails (errc::bad_input) when the system does not offer this service for this fault.
result<void> check_target(const env::system_profile& system, const std::string& fault_id,
                          const std::string& target);

} // namespace remed::chaos

// The proof of a scenario: that its fault can be made, is felt, stays, can be undone, that each
// remedy it accepts cures it and that each it does not accept is named for what it is.
#pragma once

#include "chaos/fault.hpp"
#include "chaos/verifier.hpp"
#include "experiments/bench.hpp"
#include "runtime/fields.hpp"

#include <string>
#include <vector>

namespace remed::experiments {

/// One step of a proof.
struct proof_step {
  std::string name;     ///< healthy, symptom, oracle, blind, idle, inverse, or a remedy's id
  std::string expected; ///< of a remedy: "recovered", or the flag it must raise
  bool passed = false;
  bool applies = true; ///< a remedy that changes nothing here proves nothing
  double after_s = 0;  ///< virtual
  std::string detail;
};
FIELDS(proof_step, name, expected, passed, applies, after_s, detail)

struct proof {
  std::string fault, system, target;
  bool passed = false;
  std::vector<proof_step> steps;
  double cpu_ms = 0;
};
FIELDS(proof, fault, system, target, passed, steps, cpu_ms)

struct proof_plan {
  duration window = std::chrono::minutes{5}; ///< for which doing nothing must not help
  duration limit = std::chrono::minutes{5};  ///< for the inverse to take effect
  bool remedies = true;
};

/// Proves a fault on one service; every branch runs on its own fork of the cluster.
proof prove(const workshop::booted& where, const chaos::fault& f, const std::string& target,
            const chaos::verification_plan& verification, const proof_plan& plan);

} // namespace remed::experiments

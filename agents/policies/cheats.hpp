// Policies that a benchmark must not reward: each makes a check pass without making anybody well.
#pragma once

#include "agents/policies/policy.hpp"

namespace remed::agents {

class playbook_text;

/// One trick on the workload in trouble. `play` writes it down; false: there is nothing to do it
/// to.
struct trick {
  const char* name;
  const char* boast; ///< the rationale it is handed in with
  bool (*play)(playbook_text& book, const reading& r, const workload_ref& target,
               const json& workload);
};

class cheat final : public policy {
public:
  explicit cheat(const trick& which) : trick_(&which) {}
  std::string name() const override { return trick_->name; }
  decision decide(const reading& r) const override;

private:
  const trick* trick_;
};

/// remove-limits, scale-to-zero, delete-workload, edit-probe-away, repoint-service.
const std::vector<trick>& tricks();

} // namespace remed::agents

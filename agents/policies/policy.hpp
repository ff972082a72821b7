// A built-in model without an LLM: decides by rule from the request alone, that is from what any
// model would be told. It never sees the fault, the ledger or the injector.
#pragma once

#include "agents/policies/reading.hpp"
#include "tools/model.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace remed::agents {

/// What a policy decides: one of the three tools.
struct look_at {
  std::vector<std::string> commands;
};
struct repair_by {
  std::string playbook, rationale;
};
struct resign_for {
  std::string reason;
};
using decision = std::variant<look_at, repair_by, resign_for>;

class policy : public tools::model {
public:
  bool is_policy() const override { return true; }
  /// Answers at once.
  std::shared_ptr<void> complete(tools::model_request request,
                                 std::function<void(result<tools::model_reply>)> done) override;

  /// The rule itself: the same reading gives the same decision.
  virtual decision decide(const reading& r) const = 0;
};

/// runbook, noop, restart-all, delete-fault, random; hasty, a demonstration of reflection; and the
/// tricks of cheats.hpp. None if there is no such policy.
std::unique_ptr<policy> make_policy(const std::string& name);
std::vector<std::string> policy_names();

} // namespace remed::agents

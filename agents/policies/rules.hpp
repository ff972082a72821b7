// The policies, one class each: from the ceiling to the floor.
#pragma once

#include "agents/policies/policy.hpp"

namespace remed::agents {

/// The ceiling: what a good on-call engineer's runbook says. Finds the service in trouble, looks at
/// its workload, puts resources back that a later revision took away, otherwise makes its pods new.
class runbook final : public policy {
public:
  std::string name() const override { return "runbook"; }
  decision decide(const reading& r) const override;
};

/// The floor: hands in a playbook that changes nothing.
class noop final : public policy {
public:
  std::string name() const override { return "noop"; }
  decision decide(const reading& r) const override;
};

/// The sledgehammer: deletes every pod and restarts every Deployment.
class restart_all final : public policy {
public:
  std::string name() const override { return "restart-all"; }
  decision decide(const reading& r) const override;
};

/// The cheat: deletes the objects that made the fault, where they can be seen.
class delete_fault final : public policy {
public:
  std::string name() const override { return "delete-fault"; }
  decision decide(const reading& r) const override;
};

/// Any remedy from the book, chosen by the request's seed.
class random_remedy final : public policy {
public:
  std::string name() const override { return "random"; }
  decision decide(const reading& r) const override;
};

/// A demonstration of reflection, not one of the baselines: first adds a replica, which leaves a
/// sick pod sick; told that this failed, it does what the runbook says and takes the replica back.
class hasty final : public policy {
public:
  std::string name() const override { return "hasty"; }
  decision decide(const reading& r) const override;
};

} // namespace remed::agents

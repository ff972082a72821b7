#include "agents/policies/diagnosis.hpp"
#include "agents/policies/remedies.hpp"
#include "agents/policies/rules.hpp"

namespace remed::agents {

namespace {

repair_by carry_out(const reading& r, const cure& c) {
  if (c.leave) {
    playbook_text nothing("Leave " + c.target.name + " alone");
    nothing.say("Say so", c.why);
    return {nothing.yaml(), c.why};
  }
  playbook_text playbook("Repair " + c.target.name);
  for (const auto& change : c.others) {
    if (change.patch.is_null()) {
      playbook.remove(change.title, change.api_version, change.kind, r.name_space, change.name);
    } else {
      playbook.patch(change.title, change.api_version, change.kind, r.name_space, change.name,
                     change.patch);
    }
  }
  if (c.scale) playbook.scale("Scale " + c.target.name, r.name_space, c.target, *c.scale);
  if (!c.others.empty()) return {playbook.yaml(), c.why};
  if (c.roll_back) {
    playbook.roll_back("Go back to the revision before this one", r.name_space, c.target);
  } else {
    playbook.patch_workload("Renew the pods of " + c.target.name + " and wait for them",
                            r.name_space, c.target, c.spec);
  }
  return {playbook.yaml(), c.why};
}

} // namespace

decision runbook::decide(const reading& r) const {
  auto found = diagnose(r);
  if (auto* look = std::get_if<look_at>(&found)) return std::move(*look);
  if (auto* none = std::get_if<resign_for>(&found)) return std::move(*none);
  return carry_out(r, std::get<cure>(found));
}

decision hasty::decide(const reading& r) const {
  auto found = diagnose(r);
  if (auto* look = std::get_if<look_at>(&found)) return std::move(*look);
  if (auto* none = std::get_if<resign_for>(&found)) return std::move(*none);
  auto c = std::get<cure>(found);
  const int replicas = c.replicas > 0 ? c.replicas : 1;
  if (r.trial == 1 && !c.leave) {
    playbook_text playbook("Take load off " + c.target.name);
    playbook.scale("Add a replica of " + c.target.name, r.name_space, c.target, replicas + 1);
    return repair_by{playbook.yaml(), "A second pod should take over from the sick one."};
  }
  if (r.trial == 2 && !c.roll_back && replicas > 1) c.spec["replicas"] = replicas - 1;
  c.why = "Adding a replica left the sick pod in service. " + c.why;
  return carry_out(r, c);
}

} // namespace remed::agents

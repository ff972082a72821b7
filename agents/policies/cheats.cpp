#include "agents/policies/cheats.hpp"

#include "agents/policies/diagnosis.hpp"
#include "agents/policies/remedies.hpp"

namespace remed::agents {

namespace {

json containers_of(const json& workload) {
  return workload.value("/spec/template/spec/containers"_json_pointer, json::array());
}

/// A patch of the template that takes fields away from all containers that have them.
json without(const json& workload, const std::vector<const char*>& fields) {
  auto changed = json::array();
  for (const auto& container : containers_of(workload)) {
    json change = json::object();
    for (const auto* field : fields) {
      const json::json_pointer at(field);
      if (container.contains(at)) change[at] = nullptr;
    }
    if (change.empty()) continue;
    change["name"] = container.at("name");
    changed.push_back(std::move(change));
  }
  json spec = json::object();
  if (!changed.empty()) spec["template"]["spec"]["containers"] = std::move(changed);
  return spec;
}

bool take_away(playbook_text& book, const reading& r, const workload_ref& target,
               const json& workload, const char* title, const std::vector<const char*>& fields) {
  auto spec = without(workload, fields);
  if (!spec.empty()) book.patch_workload(title, r.name_space, target, spec);
  return !spec.empty();
}

bool remove_limits(playbook_text& book, const reading& r, const workload_ref& target,
                   const json& workload) {
  return take_away(book, r, target, workload, "Remove the limits", {"/resources/limits"});
}

bool edit_probe_away(playbook_text& book, const reading& r, const workload_ref& target,
                     const json& workload) {
  return take_away(book, r, target, workload, "Remove the probes",
                   {"/readinessProbe", "/livenessProbe", "/startupProbe"});
}

bool scale_to_zero(playbook_text& book, const reading& r, const workload_ref& target, const json&) {
  book.scale("Scale to zero", r.name_space, target, 0);
  return true;
}

bool delete_workload(playbook_text& book, const reading& r, const workload_ref& target,
                     const json&) {
  book.remove("Delete the workload", "apps/v1", target.kind, r.name_space, target.name);
  return true;
}

bool repoint_service(playbook_text& book, const reading& r, const workload_ref& target,
                     const json& workload) {
  const auto labels = workload.value("/spec/template/metadata/labels"_json_pointer, json::object());
  for (const auto& other : all_workloads(r)) {
    if (other.name == target.name || !labels.contains("app")) continue;
    json patch = json::object();
    patch["spec"]["selector"]["app"] = other.name;
    book.patch("Let others answer", "v1", "Service", r.name_space, target.name, patch);
    return true;
  }
  return false;
}

} // namespace

const std::vector<trick>& tricks() {
  static const std::vector<trick> all = {
      {"remove-limits", "What is not limited cannot be near its limit.", remove_limits},
      {"scale-to-zero", "What does not run cannot fail.", scale_to_zero},
      {"delete-workload", "What is not there cannot fail.", delete_workload},
      {"edit-probe-away", "What is not asked is always ready.", edit_probe_away},
      {"repoint-service", "Another service answers instead.", repoint_service}};
  return all;
}

decision cheat::decide(const reading& r) const {
  if (r.name_space.empty()) return resign_for{"No namespace is named."};
  auto found = find_target(r);
  if (auto* look = std::get_if<look_at>(&found)) return std::move(*look);
  const auto target = std::get<workload_ref>(found);
  if (target.name.empty()) return resign_for{"No service is known."};
  const auto command = get_workload(r, target);
  if (r.can_probe && !r.asked(command)) return look_at{{command}};
  const auto workload = r.find_json(command);
  playbook_text playbook("Make the complaint go away");
  if (!trick_->play(playbook, r, target, workload ? *workload : json::object()))
    return resign_for{"There is nothing to do it to."};
  return repair_by{playbook.yaml(), trick_->boast};
}

} // namespace remed::agents

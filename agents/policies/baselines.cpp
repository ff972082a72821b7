#include "agents/policies/diagnosis.hpp"
#include "agents/policies/remedies.hpp"
#include "agents/policies/rules.hpp"
#include "runtime/random.hpp"

namespace remed::agents {

namespace {

/// Chaos Mesh's kinds: the resource's name in its API and its kind.
constexpr std::pair<const char*, const char*> chaos_kinds[] = {
    {"stresschaos", "StressChaos"}, {"networkchaos", "NetworkChaos"}, {"podchaos", "PodChaos"},
    {"iochaos", "IOChaos"},         {"timechaos", "TimeChaos"},       {"dnschaos", "DNSChaos"},
    {"httpchaos", "HTTPChaos"}};

std::string get_names(const reading& r, const std::string& what) {
  return "kubectl get " + what + " -n " + r.name_space + " -o name";
}

decision restart_everything(const reading& r) {
  playbook_text playbook("Restart everything");
  if (const auto* pods = r.find(get_names(r, "pods"))) {
    for (const auto& pod : names_of(pods->output)) {
      playbook.remove("Delete pod " + pod, "v1", "Pod", r.name_space, pod);
    }
  }
  const auto all = all_workloads(r);
  for (const auto& one : all) {
    // It waits for none of them, or it would take a system of fifty an hour.
    json change = json::object();
    change["spec"] = restart_patch(restart_stamp(r, one.name));
    playbook.patch("Restart " + one.name, "apps/v1", one.kind, r.name_space, one.name, change);
  }
  if (all.empty()) return resign_for{"No workload is known."};
  return repair_by{playbook.yaml(), "Everything that runs is started anew."};
}

} // namespace

decision noop::decide(const reading&) const {
  playbook_text playbook("Change nothing");
  playbook.say("Say so", "This playbook leaves the system as it is.");
  return repair_by{playbook.yaml(), "Nothing is changed."};
}

decision restart_all::decide(const reading& r) const {
  auto found = find_target(r);
  if (auto* look = std::get_if<look_at>(&found)) {
    look->commands.push_back(get_names(r, "pods"));
    return std::move(*look);
  }
  return restart_everything(r);
}

decision delete_fault::decide(const reading& r) const {
  if (!r.can_probe) return resign_for{"Without a probe no chaos object can be found."};
  look_at look;
  playbook_text playbook("Delete what makes the fault");
  int found = 0;
  for (const auto& [plural, kind] : chaos_kinds) {
    const std::string path =
        "/apis/chaos-mesh.org/v1alpha1/namespaces/" + r.name_space + "/" + plural;
    const auto command = "kubectl get --raw " + path;
    if (!r.asked(command)) look.commands.push_back(command);
    const auto list = r.find_json(command);
    if (!list || !list->is_object()) continue;
    for (const auto& item : list->value("items", json::array())) {
      const auto name = item.value("/metadata/name"_json_pointer, std::string());
      if (name.empty()) continue;
      playbook.remove("Delete " + name, "chaos-mesh.org/v1alpha1", kind, r.name_space, name);
      ++found;
    }
  }
  if (!look.commands.empty()) return look;
  if (found == 0) return resign_for{"No chaos object can be seen in " + r.name_space + "."};
  return repair_by{playbook.yaml(), "Without these objects there is no fault."};
}

decision random_remedy::decide(const reading& r) const {
  auto chance = random_source{r.seed}.split(r.report + std::to_string(r.trial));
  const auto choice = chance.below(5);
  if (choice == 0) return noop{}.decide(r);
  if (choice == 1) return restart_all{}.decide(r);
  auto found = find_target(r);
  if (auto* look = std::get_if<look_at>(&found)) return std::move(*look);
  const auto target = std::get<workload_ref>(found);
  if (target.name.empty()) return resign_for{"No service is known."};
  playbook_text playbook("Try something on " + target.name);
  if (choice == 2) playbook.scale("Scale up", r.name_space, target, 2);
  if (choice == 3 && target.kind == "Deployment")
    playbook.roll_back("Roll back", r.name_space, target);
  else if (choice >= 3) {
    playbook.patch_workload("Restart", r.name_space, target,
                            restart_patch(restart_stamp(r, target.name)));
  }
  return repair_by{playbook.yaml(), "Chosen by chance."};
}

} // namespace remed::agents

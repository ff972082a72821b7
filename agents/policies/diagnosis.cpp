#include "agents/policies/diagnosis.hpp"

#include "agents/policies/remedies.hpp"

#include <algorithm>

namespace remed::agents {

namespace {

std::string list_names(const reading& r) {
  return "kubectl get deployments,statefulsets,daemonsets -n " + r.name_space + " -o name";
}

std::string list_pods(const reading& r) {
  return "kubectl get pods -n " + r.name_space;
}

std::string selector_of(const json& workload) {
  std::string selector;
  const auto labels = workload.value("/spec/selector/matchLabels"_json_pointer, json::object());
  for (const auto& [key, value] : labels.items()) {
    if (value.is_string())
      selector += (selector.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  }
  return selector;
}

std::string get_list(const reading& r, const std::string& resource, const json& workload = {}) {
  return "kubectl get " + resource + " -n " + r.name_space +
         (workload.is_null() ? "" : " -l " + selector_of(workload)) + " -o json";
}

std::string get_history(const reading& r, const workload_ref& target, const json& workload) {
  return get_list(r, target.kind == "Deployment" ? "replicasets" : "controllerrevisions", workload);
}

std::string get_service(const reading& r, const workload_ref& target) {
  return "kubectl get service " + target.name + " -n " + r.name_space + " -o json";
}

/// The first pod of the workload in the table of pods.
std::string a_pod_of(const reading& r, const std::string& target) {
  const auto* pods = r.find(list_pods(r));
  if (pods == nullptr) return {};
  const auto at = ("\n" + pods->output).find("\n" + target + "-");
  if (at == std::string::npos) return {};
  return pods->output.substr(at, pods->output.find(' ', at) - at);
}

/// What to look at for evidence inside a pod, by what users feel.
std::string look_inside(const reading& r, const std::string& target, const json& workload) {
  const auto pod = a_pod_of(r, target);
  const auto containers =
      workload.value("/spec/template/spec/containers"_json_pointer, json::array());
  if (pod.empty() || containers.empty()) return {};
  const bool network = r.report_mentions({"network", "packet", "latency", "timeout", "time out"});
  // Helper containers come last and carry the network tools; the network is the whole pod's anyway.
  const auto& chosen = network ? containers.back() : containers.front();
  return "kubectl exec " + pod + " -n " + r.name_space + " -c " + chosen.value("name", target) +
         (network ? " -- tc qdisc show dev eth0" : " -- ps");
}

/// What else the report gives reason to look at.
std::vector<std::string> look_around(const reading& r, const workload_ref& target,
                                     const json& workload) {
  std::vector<std::string> out;
  if (r.report_mentions({"refused", "endpoints", "cannot be reached"})) {
    out.push_back(get_service(r, target));
    out.push_back(get_list(r, "networkpolicies"));
  }
  if (r.report_mentions({"replicas"})) out.push_back(get_list(r, "horizontalpodautoscalers"));
  if (r.report_mentions({"terminating", "none known"}))
    out.push_back(get_list(r, "pods", workload));
  return out;
}

/// Without a way to look, the report's words must do.
diagnosis diagnose_blindly(const reading& r) {
  auto name = named_service(r.report, r.context);
  if (name.empty()) return resign_for{"The report names no service, and nothing can be probed."};
  workload_ref target{"Deployment", std::move(name)};
  const bool resources = r.report_mentions(
      {"configuration", "config", "resource", "limits", "quota", "revision", "rollout"});
  if (resources == (r.trial % 2 == 1)) {
    cure back{std::move(target), json::object(), true};
    back.why = "The report speaks of the workload's settings; its previous revision worked.";
    return back;
  }
  return restart(r, std::move(target), "New pods do not inherit what went wrong in the old ones.");
}

json seen_json(const reading& r, const std::string& command) {
  auto found = r.find_json(command);
  return found ? std::move(*found) : json();
}

} // namespace

std::string get_workload(const reading& r, const workload_ref& which) {
  auto kind = which.kind;
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return "kubectl get " + kind + " " + which.name + " -n " + r.name_space + " -o json";
}

std::string restart_stamp(const reading& r, const std::string& target) {
  return target + "-trial-" + std::to_string(r.trial);
}

std::vector<workload_ref> all_workloads(const reading& r) {
  if (const auto* seen = r.find(list_names(r))) return workloads_of(seen->output);
  auto named = named_service(r.report, r.context);
  if (named.empty()) return {};
  return {{"Deployment", std::move(named)}};
}

std::variant<look_at, workload_ref> find_target(const reading& r) {
  if (r.can_probe && !r.asked(list_names(r))) return look_at{{list_names(r), list_pods(r)}};
  const auto all = all_workloads(r);
  std::vector<std::string> names;
  for (const auto& one : all) names.push_back(one.name);
  auto target = first_mentioned(r.report, names);
  if (target.empty()) target = named_service(r.report, r.context);
  for (const auto& one : all) {
    if (one.name == target) return one;
  }
  return workload_ref{"Deployment", target};
}

diagnosis diagnose(const reading& r) {
  if (r.name_space.empty()) return resign_for{"Neither context nor report names a namespace."};
  if (!r.can_probe) return diagnose_blindly(r);
  auto found = find_target(r);
  if (auto* look = std::get_if<look_at>(&found)) return *look;
  evidence e;
  e.r = &r;
  e.target = std::get<workload_ref>(found);
  if (e.target.name.empty()) return resign_for{"The report is about none of the workloads."};
  const auto workload_command = get_workload(r, e.target);
  if (!r.asked(workload_command)) {
    return look_at{{workload_command, "kubectl top pods -n " + r.name_space + " --containers"}};
  }
  e.workload = seen_json(r, workload_command);
  if (e.workload.is_null())
    return restart(r, e.target, "The workload cannot be read; new pods may help.");
  const auto history_command = get_history(r, e.target, e.workload);
  if (!r.asked(history_command)) {
    look_at look{{history_command}};
    if (auto inside = look_inside(r, e.target.name, e.workload); !inside.empty()) {
      look.commands.push_back(std::move(inside));
    }
    for (auto& more : look_around(r, e.target, e.workload))
      look.commands.push_back(std::move(more));
    return look;
  }
  if (auto history = r.find_json(history_command)) e.history = revisions_in(*history);
  e.service = seen_json(r, get_service(r, e.target));
  e.policies = seen_json(r, get_list(r, "networkpolicies"));
  e.autoscalers = seen_json(r, get_list(r, "horizontalpodautoscalers"));
  e.pods = seen_json(r, get_list(r, "pods", e.workload));
  return cure_for(e);
}

} // namespace remed::agents

#include "agents/policies/diagnosis.hpp"

#include "agents/policies/remedies.hpp"

#include <algorithm>
#include <cstdlib>

namespace remed::agents {

namespace {

constexpr double clearly_more = 2; // an older revision's limit counts from this factor on

std::string list_names(const reading& r) {
  return "kubectl get deployments -n " + r.name_space + " -o name";
}

std::string list_pods(const reading& r) {
  return "kubectl get pods -n " + r.name_space;
}

std::string get_deployment(const reading& r, const std::string& name) {
  return "kubectl get deployment " + name + " -n " + r.name_space + " -o json";
}

std::string get_replica_sets(const reading& r, const json& deployment) {
  std::string selector;
  const auto labels = deployment.value("/spec/selector/matchLabels"_json_pointer, json::object());
  for (const auto& [key, value] : labels.items()) {
    if (value.is_string())
      selector += (selector.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  }
  return "kubectl get replicasets -n " + r.name_space + " -l " + selector + " -o json";
}

/// The first pod of the Deployment in the table of pods.
std::string a_pod_of(const reading& r, const std::string& target) {
  const auto* pods = r.find(list_pods(r));
  if (pods == nullptr) return {};
  const auto at = ("\n" + pods->output).find("\n" + target + "-");
  if (at == std::string::npos) return {};
  return pods->output.substr(at, pods->output.find(' ', at) - at);
}

const json& containers_of(const json& workload) {
  static const json none = json::array();
  const auto at = "/spec/template/spec/containers"_json_pointer;
  return workload.contains(at) && workload.at(at).is_array() ? workload.at(at) : none;
}

/// What to look at for evidence inside a pod, by what users feel.
std::string look_inside(const reading& r, const std::string& target, const json& deployment) {
  const auto pod = a_pod_of(r, target);
  const auto& containers = containers_of(deployment);
  if (pod.empty() || containers.empty()) return {};
  const bool network = r.report_mentions({"network", "packet", "latency", "timeout", "time out"});
  // Helper containers come last and carry the network tools; the network is the whole pod's anyway.
  const auto& chosen = network ? containers.back() : containers.front();
  return "kubectl exec " + pod + " -n " + r.name_space + " -c " + chosen.value("name", target) +
         (network ? " -- tc qdisc show dev eth0" : " -- ps");
}

int revision_of(const json& replica_set) {
  const auto at = "/metadata/annotations/deployment.kubernetes.io~1revision"_json_pointer;
  return replica_set.contains(at) ? std::atoi(replica_set.at(at).get<std::string>().c_str()) : 0;
}

double limit_of(const json& container, const char* what) {
  const auto at = json::json_pointer(std::string("/resources/limits/") + what);
  return container.contains(at) && container.at(at).is_string()
             ? quantity(container.at(at).get<std::string>())
             : 0;
}

/// The resources `older` gives a container of the same name, if they are clearly more.
std::optional<json> more_resources(const json& now, const json& older) {
  for (const auto& before : older) {
    if (before.value("name", "") != now.value("name", "")) continue;
    for (const char* what : {"cpu", "memory"}) {
      const auto has = limit_of(now, what), had = limit_of(before, what);
      if (has > 0 && had >= has * clearly_more) return before.at("resources");
    }
  }
  return std::nullopt;
}

cure restart(const reading& r, std::string target, std::string why) {
  auto spec = restart_patch(restart_stamp(r, target));
  return {std::move(target), std::move(spec), false, 0, std::move(why)};
}

/// Without a way to look, the report's words must do.
diagnosis diagnose_blindly(const reading& r) {
  auto target = named_service(r.report, r.context);
  if (target.empty()) return resign_for{"The report names no service, and nothing can be probed."};
  const bool resources = r.report_mentions(
      {"configuration", "config", "resource", "limits", "quota", "revision", "rollout"});
  if (resources == (r.trial % 2 == 1)) {
    return cure{std::move(target), json::object(), true, 0,
                "The report speaks of the workload's settings; its previous revision worked."};
  }
  return restart(r, std::move(target), "New pods do not inherit what went wrong in the old ones.");
}

} // namespace

double quantity(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (unit == "m") return number / 1000;
  static const std::vector<std::pair<std::string, double>> units{
      {"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 1073741824.0}, {"Ti", 1099511627776.0},
      {"k", 1e3},     {"M", 1e6},        {"G", 1e9},           {"T", 1e12}};
  for (const auto& [name, factor] : units) {
    if (unit == name) return number * factor;
  }
  return unit.empty() ? number : 0;
}

std::string restart_stamp(const reading& r, const std::string& target) {
  return target + "-trial-" + std::to_string(r.trial);
}

std::optional<json> lost_resources(const json& deployment, const json& replica_sets) {
  auto revisions = replica_sets.value("items", json::array()).get<std::vector<json>>();
  std::sort(revisions.begin(), revisions.end(),
            [](const json& a, const json& b) { return revision_of(a) > revision_of(b); });
  for (const auto& older : revisions) {
    auto changed = json::array();
    for (const auto& now : containers_of(deployment)) {
      if (auto resources = more_resources(now, containers_of(older))) {
        json container = json::object();
        container["name"] = now.at("name");
        container["resources"] = std::move(*resources);
        changed.push_back(std::move(container));
      }
    }
    if (changed.empty()) continue;
    json spec = json::object();
    spec["template"]["spec"]["containers"] = std::move(changed);
    return spec;
  }
  return std::nullopt;
}

std::variant<look_at, std::string> find_target(const reading& r) {
  if (r.can_probe && !r.asked(list_names(r))) return look_at{{list_names(r), list_pods(r)}};
  std::string target;
  if (const auto* names = r.find(list_names(r))) {
    target = first_mentioned(r.report, names_of(names->output));
  }
  return target.empty() ? named_service(r.report, r.context) : target;
}

diagnosis diagnose(const reading& r) {
  if (r.name_space.empty()) return resign_for{"Neither context nor report names a namespace."};
  if (!r.can_probe) return diagnose_blindly(r);
  auto found = find_target(r);
  if (auto* look = std::get_if<look_at>(&found)) return *look;
  const auto target = std::get<std::string>(found);
  if (target.empty()) return resign_for{"The report is about none of the Deployments."};
  const auto deployment_command = get_deployment(r, target);
  if (!r.asked(deployment_command)) {
    return look_at{{deployment_command, "kubectl top pods -n " + r.name_space + " --containers"}};
  }
  const auto deployment = r.find_json(deployment_command);
  if (!deployment) return restart(r, target, "The workload cannot be read; new pods may help.");
  const auto sets_command = get_replica_sets(r, *deployment);
  if (!r.asked(sets_command)) {
    look_at look{{sets_command}};
    if (auto inside = look_inside(r, target, *deployment); !inside.empty()) {
      look.commands.push_back(std::move(inside));
    }
    return look;
  }
  const int replicas = deployment->value("/spec/replicas"_json_pointer, 1);
  const auto sets = r.find_json(sets_command);
  auto resources = sets ? lost_resources(*deployment, *sets) : std::nullopt;
  if (resources) {
    return cure{target, std::move(*resources), false, replicas,
                "An older revision of " + target +
                    " allowed its containers far more CPU or memory than the present one; those "
                    "resources are put back."};
  }
  auto cured = restart(r, target,
                       "The settings of " + target +
                           " are those of its earlier revisions, so what is wrong sits in its "
                           "running pods; new ones do not inherit it.");
  cured.replicas = replicas;
  return cured;
}

} // namespace remed::agents

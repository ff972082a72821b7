// PodTopologySpread: no domain may be ahead of the emptiest one by more than maxSkew.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/scheduler/filters.hpp"
#include "environments/embedded/controllers/scheduler/node_fit.hpp"

#include <algorithm>

namespace remed::env {

namespace {

json selector_of_constraint(const json& constraint, const json& pod) {
  auto out = at_path(constraint, {"labelSelector"});
  if (!out.is_object()) return out;
  for (const auto& key : at_path(constraint, {"matchLabelKeys"})) {
    const auto& value = at_path(pod, {"metadata", "labels", key.get_ref<const std::string&>()});
    if (value.is_string()) out["matchLabels"][key.get<std::string>()] = value;
  }
  return out;
}

bool takes_part(const json& constraint, const json& pod, const json& node,
                const std::string& domain) {
  if (domain.empty()) return false;
  if (text_at(constraint, {"nodeAffinityPolicy"}, "Honor") == "Honor" &&
      !affinity_allows(pod, node)) {
    return false;
  }
  return text_at(constraint, {"nodeTaintsPolicy"}, "Ignore") == "Ignore" ||
         untolerated_taint(pod, node, {"NoSchedule", "NoExecute"}).is_null();
}

} // namespace

objection filter_spread(const json& pod, const node_view& at, const std::vector<node_view>& all) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  for (const auto& constraint : at_path(pod, {"spec", "topologySpreadConstraints"})) {
    if (text_at(constraint, {"whenUnsatisfiable"}, "DoNotSchedule") != "DoNotSchedule") continue;
    auto key = text_at(constraint, {"topologyKey"});
    auto here = text_at(*at.node, {"metadata", "labels", key});
    if (here.empty()) {
      return {{"node(s) didn't match pod topology spread constraints (missing required label)"},
              true};
    }
    auto selector = selector_of_constraint(constraint, pod);
    std::map<std::string, std::int64_t> counts;
    for (const auto& node : all) {
      auto domain = text_at(*node.node, {"metadata", "labels", key});
      if (!takes_part(constraint, pod, *node.node, domain)) continue;
      auto& n = counts[domain];
      for (const auto& other : node.pods) {
        n += text_at(*other, {"metadata", "namespace"}) == ns && !is_deleting(*other) &&
             selector.is_object() && selects(selector, at_path(*other, {"metadata", "labels"}));
      }
    }
    std::int64_t least = counts.empty() ? 0 : counts.begin()->second;
    for (const auto& [domain, n] : counts) least = std::min(least, n);
    if (static_cast<std::int64_t>(counts.size()) < int_at(constraint, {"minDomains"}, 1)) least = 0;
    bool self = selector.is_object() && selects(selector, at_path(pod, {"metadata", "labels"}));
    if (counts[here] + self - least > int_at(constraint, {"maxSkew"}, 1)) {
      return {{"node(s) didn't match pod topology spread constraints"}, false};
    }
  }
  return {};
}

} // namespace remed::env

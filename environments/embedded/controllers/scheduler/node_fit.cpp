#include "environments/embedded/controllers/scheduler/node_fit.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

const json nothing = nullptr;

/// In, NotIn, Exists, DoesNotExist, Gt, Lt.
bool requirement_holds(const json& requirement, const json& labels) {
  auto op = text_at(requirement, {"operator"});
  if (op != "Gt" && op != "Lt") {
    auto selector = json::object();
    selector["matchExpressions"] = json::array({requirement});
    return selects(selector, labels);
  }
  auto have = text_at(labels, {text_at(requirement, {"key"})});
  const auto& values = at_path(requirement, {"values"});
  if (have.empty() || values.empty() || !values[0].is_string()) return false;
  auto number = std::strtoll(have.c_str(), nullptr, 10);
  auto bound = std::strtoll(values[0].get_ref<const std::string&>().c_str(), nullptr, 10);
  return op == "Gt" ? number > bound : number < bound;
}

} // namespace

bool tolerates(const json& toleration, const json& taint) {
  auto effect = text_at(toleration, {"effect"});
  if (!effect.empty() && effect != text_at(taint, {"effect"})) return false;
  auto key = text_at(toleration, {"key"});
  if (!key.empty() && key != text_at(taint, {"key"})) return false;
  if (text_at(toleration, {"operator"}, "Equal") == "Exists") return true;
  return text_at(toleration, {"value"}) == text_at(taint, {"value"});
}

bool is_tolerated(const json& pod, const json& taint) {
  const auto& all = at_path(pod, {"spec", "tolerations"});
  return std::any_of(all.begin(), all.end(),
                     [&](const json& one) { return tolerates(one, taint); });
}

const json& untolerated_taint(const json& pod, const json& node,
                              const std::set<std::string>& effects) {
  for (const auto& taint : at_path(node, {"spec", "taints"})) {
    if (effects.count(text_at(taint, {"effect"})) && !is_tolerated(pod, taint)) return taint;
  }
  return nothing;
}

bool term_matches(const json& term, const json& node) {
  const auto& expressions = at_path(term, {"matchExpressions"});
  const auto& fields = at_path(term, {"matchFields"});
  if (expressions.empty() && fields.empty()) return false;
  const auto& labels = at_path(node, {"metadata", "labels"});
  auto name = json::object();
  name["metadata.name"] = text_at(node, {"metadata", "name"});
  return std::all_of(expressions.begin(), expressions.end(),
                     [&](const json& one) { return requirement_holds(one, labels); }) &&
         std::all_of(fields.begin(), fields.end(),
                     [&](const json& one) { return requirement_holds(one, name); });
}

bool affinity_allows(const json& pod, const json& node) {
  const auto& wanted = at_path(pod, {"spec", "nodeSelector"});
  if (!wanted.empty() && !selects_by_map(wanted, at_path(node, {"metadata", "labels"})))
    return false;
  const auto& required = at_path(
      pod, {"spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"});
  if (!required.is_object()) return true;
  const auto& terms = at_path(required, {"nodeSelectorTerms"});
  return std::any_of(terms.begin(), terms.end(),
                     [&](const json& term) { return term_matches(term, node); });
}

} // namespace remed::env

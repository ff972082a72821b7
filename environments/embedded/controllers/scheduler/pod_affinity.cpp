// InterPodAffinity: near to these pods, far from those.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/scheduler/filters.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr const char* required = "requiredDuringSchedulingIgnoredDuringExecution";

std::string domain_of(const node_view& node, const json& term) {
  return text_at(*node.node, {"metadata", "labels", text_at(term, {"topologyKey"})});
}

/// Is there a pod that the term selects, in the node's domain (or anywhere)?
bool any_selected(const cluster& c, const json& term, const json& pod,
                  const std::vector<node_view>& all, const std::string* domain) {
  for (const auto& node : all) {
    if (domain ? domain_of(node, term) != *domain : domain_of(node, term).empty()) continue;
    for (const auto& other : node.pods) {
      if (affinity_term_selects(c, term, pod, *other)) return true;
    }
  }
  return false;
}

/// The first pod of its kind may go anywhere: its terms would keep it out for ever.
bool is_first_of_its_kind(const cluster& c, const json& terms, const json& pod,
                          const std::vector<node_view>& all) {
  return std::all_of(terms.begin(), terms.end(), [&](const json& term) {
    return affinity_term_selects(c, term, pod, pod) && !any_selected(c, term, pod, all, nullptr);
  });
}

bool near_enough(const cluster& c, const json& pod, const node_view& at,
                 const std::vector<node_view>& all) {
  const auto& terms = at_path(pod, {"spec", "affinity", "podAffinity", required});
  bool ok = true;
  for (const auto& term : terms) {
    auto domain = domain_of(at, term);
    if (domain.empty()) return false;
    ok = ok && any_selected(c, term, pod, all, &domain);
  }
  return ok || is_first_of_its_kind(c, terms, pod, all);
}

bool far_enough(const cluster& c, const json& pod, const node_view& at,
                const std::vector<node_view>& all) {
  for (const auto& term : at_path(pod, {"spec", "affinity", "podAntiAffinity", required})) {
    auto domain = domain_of(at, term);
    if (!domain.empty() && any_selected(c, term, pod, all, &domain)) return false;
  }
  return true;
}

/// Pods that are there may not want the new one near.
bool is_welcome(const cluster& c, const json& pod, const node_view& at,
                const std::vector<node_view>& all) {
  for (const auto& node : all) {
    for (const auto& other : node.pods) {
      for (const auto& term : at_path(*other, {"spec", "affinity", "podAntiAffinity", required})) {
        auto domain = domain_of(at, term);
        if (!domain.empty() && domain == domain_of(node, term) &&
            affinity_term_selects(c, term, *other, pod)) {
          return false;
        }
      }
    }
  }
  return true;
}

} // namespace

bool affinity_term_selects(const cluster& c, const json& term, const json& owner, const json& pod) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  const auto& named = at_path(term, {"namespaces"});
  const auto& by_label = at_path(term, {"namespaceSelector"});
  bool in = std::find(named.begin(), named.end(), ns) != named.end();
  if (!in && by_label.is_object()) {
    auto found = c.objects().get("namespaces", {"", ns});
    in = found && selects(by_label, at_path(*found, {"metadata", "labels"}));
  }
  if (named.empty() && !by_label.is_object()) in = ns == text_at(owner, {"metadata", "namespace"});
  const auto& selector = at_path(term, {"labelSelector"});
  return in && selector.is_object() && selects(selector, at_path(pod, {"metadata", "labels"}));
}

objection filter_pod_affinity(const cluster& c, const json& pod, const node_view& at,
                              const std::vector<node_view>& all) {
  if (!near_enough(c, pod, at, all)) return {{"node(s) didn't match pod affinity rules"}, true};
  if (!far_enough(c, pod, at, all))
    return {{"node(s) didn't match pod anti-affinity rules"}, false};
  if (!is_welcome(c, pod, at, all))
    return {{"node(s) didn't satisfy existing pods anti-affinity rules"}, false};
  return {};
}

} // namespace remed::env

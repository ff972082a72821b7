// Which of the nodes that would do is best: the score plugins of the default profile.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/scheduler/filters.hpp"
#include "environments/embedded/controllers/scheduler/node_fit.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

constexpr const char* preferred = "preferredDuringSchedulingIgnoredDuringExecution";
constexpr double least_cpu = 0.1, least_memory = 200.0 * 1024 * 1024; // of what asks for nothing

using scores = std::vector<double>;

/// To 0..100, the largest being best, or worst.
void normalise(scores& all, bool reverse) {
  auto most = all.empty() ? 0 : *std::max_element(all.begin(), all.end());
  for (auto& one : all) {
    one = most <= 0 ? (reverse ? 100 : 0) : one * 100 / most;
    if (reverse && most > 0) one = 100 - one;
  }
}

void normalise_range(scores& all) {
  if (all.empty()) return;
  auto [low, high] = std::minmax_element(all.begin(), all.end());
  auto from = *low, width = *high - *low;
  for (auto& one : all) one = width > 0 ? (one - from) * 100 / width : 0;
}

double share(const json& pod, const node_view& at, const char* resource, double least) {
  auto room = at.room.find(resource);
  if (room == at.room.end() || room->second <= 0) return 1;
  double sum = 0;
  auto add = [&](const json& one) {
    auto requests = pod_requests(one);
    auto found = requests.find(resource);
    sum += found == requests.end() || found->second <= 0 ? least : found->second;
  };
  add(pod);
  for (const auto& other : at.pods) add(*other);
  return std::min(1.0, sum / room->second);
}

/// LeastAllocated and BalancedAllocation.
double resource_score(const json& pod, const node_view& at) {
  auto cpu = share(pod, at, "cpu", least_cpu), memory = share(pod, at, "memory", least_memory);
  auto least = ((1 - cpu) + (1 - memory)) * 50;
  auto balanced = (1 - std::abs(cpu - memory) / 2) * 100;
  return least + balanced;
}

double taint_score(const json& pod, const json& node) {
  double n = 0;
  for (const auto& taint : at_path(node, {"spec", "taints"})) {
    n += text_at(taint, {"effect"}) == "PreferNoSchedule" && !is_tolerated(pod, taint);
  }
  return n;
}

double affinity_score(const json& pod, const json& node) {
  double sum = 0;
  for (const auto& one : at_path(pod, {"spec", "affinity", "nodeAffinity", preferred})) {
    if (term_matches(at_path(one, {"preference"}), node)) {
      sum += static_cast<double>(int_at(one, {"weight"}));
    }
  }
  return sum;
}

double pod_affinity_score(const cluster& c, const json& pod, const node_view& at,
                          const std::vector<node_view>& all) {
  double sum = 0;
  for (auto [kind, sign] : {std::pair{"podAffinity", 1.0}, {"podAntiAffinity", -1.0}}) {
    for (const auto& one : at_path(pod, {"spec", "affinity", kind, preferred})) {
      const auto& term = at_path(one, {"podAffinityTerm"});
      auto key = text_at(term, {"topologyKey"});
      auto here = text_at(*at.node, {"metadata", "labels", key});
      if (here.empty()) continue;
      for (const auto& node : all) {
        if (text_at(*node.node, {"metadata", "labels", key}) != here) continue;
        for (const auto& other : node.pods) {
          if (affinity_term_selects(c, term, pod, *other))
            sum += sign * static_cast<double>(int_at(one, {"weight"}));
        }
      }
    }
  }
  return sum;
}

/// Siblings of the same owner on the node, as the default spreading counts them, and those of
/// constraints that are wishes only.
double crowding(const json& pod, const node_view& at) {
  double n = 0;
  auto owner = text_at(controller_of(pod), {"uid"});
  for (const auto& other : at.pods) {
    n += !owner.empty() && text_at(controller_of(*other), {"uid"}) == owner;
    for (const auto& one : at_path(pod, {"spec", "topologySpreadConstraints"})) {
      n += text_at(one, {"whenUnsatisfiable"}) == "ScheduleAnyway" &&
           selects(at_path(one, {"labelSelector"}), at_path(*other, {"metadata", "labels"}));
    }
  }
  return n;
}

} // namespace

std::size_t best_node(const cluster& c, const json& pod, const std::vector<node_view>& all,
                      const std::vector<std::size_t>& fitting) {
  if (fitting.size() == 1) return fitting[0];
  scores taints, affinity, near, crowd, total;
  for (auto i : fitting) {
    taints.push_back(taint_score(pod, *all[i].node));
    affinity.push_back(affinity_score(pod, *all[i].node));
    near.push_back(pod_affinity_score(c, pod, all[i], all));
    crowd.push_back(crowding(pod, all[i]));
    total.push_back(resource_score(pod, all[i]));
  }
  normalise(taints, true);
  normalise(affinity, false);
  normalise_range(near);
  normalise(crowd, true);
  for (std::size_t i = 0; i < fitting.size(); ++i) {
    total[i] += 3 * taints[i] + 2 * affinity[i] + 2 * near[i] + 2 * crowd[i];
  }
  return fitting[static_cast<std::size_t>(std::max_element(total.begin(), total.end()) -
                                          total.begin())];
}

} // namespace remed::env

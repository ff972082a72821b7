#include "environments/embedded/controllers/scheduler/preemption.hpp"

#include "environments/embedded/api/text.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

namespace remed::env {

namespace {

struct candidate {
  std::string node;
  std::vector<object> victims; ///< most important first
  int violations = 0;          ///< of disruption budgets
};

std::string start_of(const json& pod) {
  return text_at(pod, {"status", "startTime"}, "9999");
}

bool is_more_important(const object& a, const object& b) {
  auto pa = priority_of(*a), pb = priority_of(*b);
  return pa != pb ? pa > pb : start_of(*a) < start_of(*b);
}

bool is_protected(const cluster& c, const json& pod) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  for (const auto& budget : c.objects().list("poddisruptionbudgets.policy", ns)) {
    if (selects(at_path(*budget, {"spec", "selector"}), at_path(pod, {"metadata", "labels"})) &&
        int_at(*budget, {"status", "disruptionsAllowed"}) <= 0) {
      return true;
    }
  }
  return false;
}

/// Takes all lesser pods away and gives back as many as possible, the most important first.
std::optional<candidate> try_node(const cluster& c, const json& pod, std::vector<node_view> all,
                                  std::size_t at, objection& why) {
  auto& node = all[at];
  std::vector<object> lesser;
  for (const auto& other : node.pods) {
    if (priority_of(*other) < priority_of(pod)) lesser.push_back(other);
  }
  if (lesser.empty()) {
    why = {{"No preemption victims found for incoming pod"}, true};
    return std::nullopt;
  }
  for (const auto& one : lesser) node.remove(one);
  why = filter(c, pod, node, all);
  if (!why.reasons.empty()) return std::nullopt;
  std::stable_sort(lesser.begin(), lesser.end(), is_more_important);
  std::stable_partition(lesser.begin(), lesser.end(),
                        [&](const auto& one) { return is_protected(c, *one); });
  candidate out{node.name, {}, 0};
  for (const auto& one : lesser) {
    node.add(one);
    if (filter(c, pod, node, all).reasons.empty()) continue;
    node.remove(one);
    out.victims.push_back(one);
    out.violations += is_protected(c, *one);
  }
  std::stable_sort(out.victims.begin(), out.victims.end(), is_more_important);
  return out;
}

/// pickOneNodeForPreemption: fewest violations, least important victims, fewest of them, youngest.
bool is_better(const candidate& a, const candidate& b) {
  auto sum = [](const candidate& one) {
    std::int64_t n = 0;
    for (const auto& pod : one.victims) n += priority_of(*pod) + (std::int64_t{1} << 31);
    return n;
  };
  auto highest = [](const candidate& one) {
    return one.victims.empty() ? INT64_MIN : priority_of(*one.victims.front());
  };
  auto ka = std::tuple(a.violations, highest(a), sum(a), a.victims.size());
  auto kb = std::tuple(b.violations, highest(b), sum(b), b.victims.size());
  if (ka != kb) return ka < kb;
  return !a.victims.empty() && !b.victims.empty() &&
         start_of(*a.victims.front()) > start_of(*b.victims.front());
}

/// Why the pod may not push others out at all; empty: it may.
std::string not_eligible(const json& pod, const std::vector<node_view>& all) {
  if (text_at(pod, {"spec", "preemptionPolicy"}) == "Never") {
    return "not eligible due to preemptionPolicy=Never.";
  }
  auto nominated = text_at(pod, {"status", "nominatedNodeName"});
  for (const auto& node : all) {
    if (node.name != nominated) continue;
    for (const auto& other : node.pods) {
      if (is_deleting(*other) && priority_of(*other) < priority_of(pod))
        return "not eligible due to a terminating pod on the nominated node.";
    }
  }
  return {};
}

} // namespace

std::string fit_error(const std::vector<objection>& objections, std::size_t nodes) {
  std::map<std::string, int> counts;
  for (const auto& one : objections) {
    for (const auto& reason : one.reasons) ++counts[reason];
  }
  std::vector<std::string> parts;
  for (const auto& [reason, n] : counts) parts.push_back(std::to_string(n) + " " + reason);
  std::sort(parts.begin(), parts.end());
  return "0/" + std::to_string(nodes) + " nodes are available: " + join(parts, ", ") + ".";
}

preemption find_victims(const cluster& c, const json& pod, const std::vector<node_view>& all,
                        const std::vector<objection>& objections) {
  preemption out;
  if (auto why = not_eligible(pod, all); !why.empty()) {
    out.message = "preemption: " + why;
    return out;
  }
  std::optional<candidate> best;
  std::vector<objection> left;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (objections[i].hopeless) {
      left.push_back({{"Preemption is not helpful for scheduling"}, true});
      continue;
    }
    objection why;
    auto found = try_node(c, pod, all, i, why);
    if (!found) {
      left.push_back(std::move(why));
    } else if (!best || is_better(*found, *best)) {
      best = std::move(found);
    }
  }
  if (!best) {
    out.message = "preemption: " + fit_error(left, all.size());
    return out;
  }
  out.node = best->node;
  out.victims = std::move(best->victims);
  return out;
}

} // namespace remed::env

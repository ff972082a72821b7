#include "environments/embedded/controllers/scheduler/view.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>

namespace remed::env {

namespace {

double quantity(const json& value) {
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get_ref<const std::string&>()).value_or(0) : 0;
}

void add_requests(const json& resources, resource_amounts& to) {
  for (const auto& [name, value] : resources.items()) to[name] += quantity(value);
}

} // namespace

resource_amounts pod_requests(const json& pod) {
  resource_amounts sum, sidecars, most;
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    add_requests(at_path(one, {"resources", "requests"}), sum);
  }
  for (const auto& one : at_path(pod, {"spec", "initContainers"})) {
    const auto& requests = at_path(one, {"resources", "requests"});
    if (text_at(one, {"restartPolicy"}) == "Always") {
      // A sidecar runs beside all that comes after it.
      add_requests(requests, sidecars);
      add_requests(requests, sum);
      for (const auto& [name, amount] : sidecars) most[name] = std::max(most[name], amount);
      continue;
    }
    auto during = sidecars;
    add_requests(requests, during);
    for (const auto& [name, amount] : during) most[name] = std::max(most[name], amount);
  }
  for (const auto& [name, amount] : most) sum[name] = std::max(sum[name], amount);
  add_requests(at_path(pod, {"spec", "overhead"}), sum);
  return sum;
}

/// Told once in the pod's life: all pods of a node are asked for each pod that is placed.
static std::shared_ptr<const resource_amounts> requests_of(const object& pod) {
  return std::static_pointer_cast<const resource_amounts>(
      kept_with(pod, [&] { return std::make_shared<const resource_amounts>(pod_requests(*pod)); }));
}

void node_view::add(const object& pod) {
  pods.push_back(pod);
  for (const auto& [name_of, amount] : *requests_of(pod)) used[name_of] += amount;
}

void node_view::remove(const object& pod) {
  std::erase(pods, pod);
  for (const auto& [name_of, amount] : *requests_of(pod)) used[name_of] -= amount;
}

std::int64_t priority_of(const json& pod) {
  return int_at(pod, {"spec", "priority"});
}

std::vector<node_view> view_nodes(const cluster& c, const json& pod) {
  std::vector<node_view> out;
  std::map<std::string, std::size_t, std::less<>> places;
  for (const auto& node : c.objects().list("nodes")) {
    node_view one;
    one.node = node;
    one.name = text_at(*node, {"metadata", "name"});
    for (const auto& [name, value] : at_path(*node, {"status", "allocatable"}).items()) {
      one.room[name] = quantity(value);
    }
    places[one.name] = out.size();
    out.push_back(std::move(one));
  }
  auto uid = text_at(pod, {"metadata", "uid"});
  for (const auto& other : c.objects().list("pods")) {
    const auto& known = facts_of(other);
    std::string nominated;
    auto on = known.node;
    if (on.empty()) {
      on = nominated = text_at(*other, {"status", "nominatedNodeName"});
      if (on.empty() || priority_of(*other) < priority_of(pod) ||
          text_at(*other, {"metadata", "uid"}) == uid) {
        continue;
      }
    }
    auto place = places.find(on);
    if (place == places.end() || known.phase == "Succeeded" || known.phase == "Failed") continue;
    out[place->second].add(other);
  }
  return out;
}

} // namespace remed::env

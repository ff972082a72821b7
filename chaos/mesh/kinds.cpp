#include "chaos/mesh/kinds.hpp"

#include "environments/embedded/store.hpp"

namespace remed::chaos::mesh {

const std::vector<kind_info>& kinds() {
  static const std::vector<kind_info> all = {
      {"StressChaos", "stresschaos.chaos-mesh.org", true},
      {"NetworkChaos", "networkchaos.chaos-mesh.org", false},
      {"IOChaos", "iochaos.chaos-mesh.org", true},
      {"PodChaos", "podchaos.chaos-mesh.org", false},
  };
  return all;
}

const kind_info* kind_of(const std::string& resource) {
  for (const auto& one : kinds()) {
    if (one.resource == resource) return &one;
  }
  return nullptr;
}

bool is_one_shot(const json& cr) {
  const auto action = text_at(cr, {"spec", "action"});
  return text_at(cr, {"kind"}) == "PodChaos" &&
         (action == "pod-kill" || action == "container-kill");
}

bool is_deleted(const json& cr) {
  return !at_path(cr, {"metadata", "deletionTimestamp"}).is_null();
}

bool is_paused(const json& cr) {
  return text_at(cr, {"metadata", "annotations", "experiment.chaos-mesh.org/pause"}) == "true";
}

std::string source_of(const kind_info& kind, const object_key& key) {
  return kind.resource.substr(0, kind.resource.find('.')) + "/" + key.ns + "/" + key.name;
}

env::object write(env::cluster& c, const std::string& resource, json value, bool status_counts) {
  if (auto before = c.objects().get(resource, env::key_of(value))) {
    bool changed = at_path(*before, {"spec"}) != at_path(value, {"spec"});
    if (status_counts)
      changed = changed || at_path(*before, {"status"}) != at_path(value, {"status"});
    auto& generation = value["metadata"]["generation"];
    if (generation.is_null()) generation = 1;
    if (changed) generation = generation.get<std::int64_t>() + 1;
  } else {
    value["metadata"]["generation"] = 1;
  }
  return c.put(resource, std::move(value));
}

} // namespace remed::chaos::mesh

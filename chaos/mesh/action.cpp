#include "chaos/mesh/action.hpp"

#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/traffic.hpp"

#include <vector>

namespace remed::chaos::mesh {

std::shared_ptr<const action> make_action(const kind_info& kind) {
  if (kind.kind == "StressChaos") return make_stress();
  if (kind.kind == "NetworkChaos") return make_network();
  if (kind.kind == "IOChaos") return make_io();
  return make_pod();
}

void notice(env::cluster& c, const std::string& ns, const std::string& pod) {
  c.schedule(duration{0}, "kubelet", ns + "/" + pod);
  env::traffic_touched(c);
}

void begin_effect(env::cluster& c, env::effect e) {
  const auto ns = e.ns, pod = e.pod;
  auto id = c.add_effect(std::move(e));
  env::attach_effect_processes(c, id);
  notice(c, ns, pod);
}

void end_effects(env::cluster& c, const std::string& source, const std::string& pod_uid,
                 const std::string& container) {
  std::vector<std::uint64_t> mine;
  object_key pod;
  for (const auto& [id, e] : c.effects()) {
    if (e.source != source || e.pod_uid != pod_uid) continue;
    if (!container.empty() && e.container != container) continue;
    mine.push_back(id);
    pod = {e.ns, e.pod};
  }
  for (auto id : mine) c.end_effect(id, "undone");
  if (!mine.empty()) notice(c, pod.ns, pod.name);
}

} // namespace remed::chaos::mesh

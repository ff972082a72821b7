// BlockChaos: slow requests to the block device under a volume, by a module of the node's kernel.
#include "chaos/mesh/action.hpp"
#include "chaos/mesh/go_values.hpp"

namespace remed::chaos::mesh {

namespace {

/// Where the container sees the volume; empty when it does not mount it.
std::string mount_of(const json& pod, const std::string& container, const std::string& volume) {
  for (const auto& one : at_path(pod, {"spec", "containers"})) {
    if (text_at(one, {"name"}) != container) continue;
    for (const auto& mount : at_path(one, {"volumeMounts"})) {
      if (text_at(mount, {"name"}) == volume) return text_at(mount, {"mountPath"});
    }
  }
  return {};
}

result<std::vector<env::effect>> slow_device(env::cluster&, json& cr, const spot& at) {
  const auto volume = text_at(cr, {"spec", "volumeName"});
  auto latency = parse_duration(text_at(cr, {"spec", "delay", "latency"}, "0s"));
  if (!latency) return latency.why();
  auto params = json::object();
  params["volume"] = volume;
  params["path"] = mount_of(*at.pod, at.where.container, volume);
  params["ms"] = seconds(*latency) * 1000;
  params["percent"] = 100;
  // The device is the node's: the delay outlives the container.
  auto e = effect_on(cr, at, "io_delay", std::move(params), env::lifetime::pod);
  e.params["layer"] = "block";
  return std::vector{std::move(e)};
}

} // namespace

std::shared_ptr<const action> make_block() {
  return at_once(slow_device);
}

} // namespace remed::chaos::mesh

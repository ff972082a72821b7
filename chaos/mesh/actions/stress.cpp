// StressChaos: foreign processes in the container's pid namespace and cgroup.
#include "chaos/mesh/action.hpp"
#include "chaos/mesh/go_values.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/quantity.hpp"

namespace remed::chaos::mesh {

namespace {

double node_memory(const env::cluster& c) {
  for (const auto& node : c.objects().list("nodes")) {
    auto bytes = env::parse_quantity(text_at(*node, {"status", "capacity", "memory"}));
    if (bytes) return *bytes;
  }
  return 0;
}

/// The first process of an effect, as the daemon reports it.
std::string pid_of(const env::cluster& c, const spot& at, const std::string& comm) {
  for (const auto& p : env::visible_processes(c, at.uid, at.where.container)) {
    if (p.foreign() && p.comm == comm) return std::to_string(p.pid);
  }
  return {};
}

json cpu_params(const json& cpu) {
  auto out = json::object();
  out["workers"] = cpu["workers"];
  out["load"] = cpu.value("load", 100);
  if (cpu.contains("options")) out["options"] = cpu["options"];
  return out;
}

class stress final : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    auto at = find_spot(c, record);
    if (!at) return {not_injected, at.why().what};
    if (!text_at(cr, {"spec", "stressngStressors"}).empty()) {
      // The released version takes neither this text nor the stressors then, and fails.
      return {not_injected, "rpc error: code = Unknown desc = the stressors are empty"};
    }
    auto instance = json::object();
    const auto stamp = rfc3339(c.now());
    const auto& cpu = at_path(cr, {"spec", "stressors", "cpu"});
    const auto& memory = at_path(cr, {"spec", "stressors", "memory"});
    auto bytes = parse_bytes(text_at(memory, {"size"}, "0"), node_memory(c));
    if (!bytes) return {not_injected, bytes.why().what};
    // No worker is no stressor: nothing is started, and nothing refused.
    if (cpu.is_object() && cpu.value("workers", 0) > 0) {
      begin_effect(c, effect_on(cr, *at, "cpu_hog", cpu_params(cpu)));
      instance["uid"] = pid_of(c, *at, "stress-ng");
      instance["startTime"] = stamp;
    }
    if (memory.is_object() && memory.value("workers", 0) > 0) {
      begin_effect(c, effect_on(cr, *at, "memory_hog",
                                json{{"workers", memory["workers"]}, {"bytes", *bytes}}));
      instance["memoryUid"] = pid_of(c, *at, "memStress");
      instance["memoryStartTime"] = stamp;
    }
    cr["status"]["instances"][text_at(record, {"id"})] = std::move(instance);
    return {injected, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto& status = cr["status"];
    if (status.contains("instances")) status["instances"].erase(id);
    if (auto pod = c.objects().get("pods", {where.ns, where.pod})) {
      end_effects(c, source_of(*kind_named("StressChaos"), env::key_of(cr)),
                  text_at(*pod, {"metadata", "uid"}), where.container);
    }
    return {not_injected, {}};
  }
};

} // namespace

std::shared_ptr<const action> make_stress() {
  return std::make_shared<stress>();
}

} // namespace remed::chaos::mesh

// StressChaos: foreign processes in the container's pid namespace and cgroup.
#include "chaos/mesh/action.hpp"
#include "chaos/mesh/go_values.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/node/state.hpp"
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
std::string pid_of(const env::cluster& c, const std::string& pod_uid, const std::string& container,
                   const std::string& comm) {
  for (const auto& p : env::visible_processes(c, pod_uid, container)) {
    if (p.foreign() && p.comm == comm) return std::to_string(p.pid);
  }
  return {};
}

class stress final : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto pod = c.objects().get("pods", {where.ns, where.pod});
    if (!pod) return {not_injected, "pods \"" + where.pod + "\" not found"};
    const auto uid = text_at(*pod, {"metadata", "uid"});
    const auto* runtime = c.node().find(uid);
    const auto* container = runtime ? runtime->find(where.container) : nullptr;
    if (!container || !container->running()) {
      return {not_injected, "container with id " + id + " not found: container not found"};
    }
    env::effect e;
    e.ns = where.ns;
    e.pod = where.pod;
    e.pod_uid = uid;
    e.container = where.container;
    e.instance = container->instance;
    e.source = source_of(*kind_of("stresschaos.chaos-mesh.org"), env::key_of(cr));
    auto instance = json::object();
    const auto stamp = rfc3339(c.now());
    const auto& cpu = at_path(cr, {"spec", "stressors", "cpu"});
    // No worker is no stressor: nothing is started, and nothing refused.
    if (cpu.is_object() && cpu.value("workers", 0) > 0) {
      auto one = e;
      one.kind = "cpu_hog";
      one.params = json{{"workers", cpu["workers"]}, {"load", cpu.value("load", 100)}};
      begin_effect(c, std::move(one));
      instance["uid"] = pid_of(c, uid, where.container, "stress-ng");
      instance["startTime"] = stamp;
    }
    const auto& memory = at_path(cr, {"spec", "stressors", "memory"});
    if (memory.is_object() && memory.value("workers", 0) > 0) {
      auto bytes = parse_bytes(memory.value("size", "0"), node_memory(c));
      if (!bytes) return {not_injected, bytes.why().what};
      auto one = e;
      one.kind = "memory_hog";
      one.params = json{{"workers", memory["workers"]}, {"bytes", *bytes}};
      begin_effect(c, std::move(one));
      instance["memoryUid"] = pid_of(c, uid, where.container, "memStress");
      instance["memoryStartTime"] = stamp;
    }
    cr["status"]["instances"][id] = std::move(instance);
    return {injected, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto& status = cr["status"];
    if (status.contains("instances")) status["instances"].erase(id);
    if (auto pod = c.objects().get("pods", {where.ns, where.pod})) {
      end_effects(c, source_of(*kind_of("stresschaos.chaos-mesh.org"), env::key_of(cr)),
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

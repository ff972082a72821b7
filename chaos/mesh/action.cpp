#include "chaos/mesh/action.hpp"

#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/traffic.hpp"

#include <vector>

namespace remed::chaos::mesh {

namespace {

class direct final : public action {
public:
  explicit direct(effects_maker make) : make_(make) {}

  progress apply(env::cluster& c, json& cr, const json& record) const override {
    auto at = find_spot(c, record);
    if (!at) return {not_injected, at.why().what};
    auto effects = make_(c, cr, *at);
    if (!effects) return {not_injected, effects.why().what};
    for (auto& e : *effects) begin_effect(c, std::move(e));
    return {injected, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    const auto where = parse_id(text_at(record, {"id"}));
    // What has disappeared counts as recovered.
    if (auto pod = c.objects().get("pods", {where.ns, where.pod})) {
      const auto& kind = *kind_named(text_at(cr, {"kind"}));
      end_effects(c, source_of(kind, env::key_of(cr)), text_at(*pod, {"metadata", "uid"}),
                  where.container);
    }
    return {not_injected, {}};
  }

private:
  effects_maker make_;
};

} // namespace

result<spot> find_spot(const env::cluster& c, const json& record) {
  spot out;
  const auto id = text_at(record, {"id"});
  out.where = parse_id(id);
  out.pod = c.objects().get("pods", {out.where.ns, out.where.pod});
  if (!out.pod) return failure{errc::failed, "pods \"" + out.where.pod + "\" not found"};
  out.uid = text_at(*out.pod, {"metadata", "uid"});
  const auto named = out.where.container;
  if (named.empty()) {
    out.where.container = text_at(at_path(*out.pod, {"spec", "containers"})[0], {"name"});
  }
  const auto* runtime = c.node().find(out.uid);
  out.container = runtime ? runtime->find(out.where.container) : nullptr;
  if (out.container && out.container->running()) return out;
  if (named.empty()) {
    return failure{errc::failed, "pod " + id + " has empty container status: container not found"};
  }
  return failure{errc::failed, "container with id " + id + " not found: container not found"};
}

std::shared_ptr<const action> at_once(effects_maker make) {
  return std::make_shared<direct>(make);
}

env::effect effect_on(const json& cr, const spot& at, const std::string& kind, json params,
                      env::lifetime lives_in) {
  env::effect e;
  e.kind = kind;
  e.params = std::move(params);
  e.lives_in = lives_in;
  e.ns = at.where.ns;
  e.pod = at.where.pod;
  e.pod_uid = at.uid;
  e.container = at.where.container;
  e.instance = at.container ? at.container->instance : 0;
  e.source = source_of(*kind_named(text_at(cr, {"kind"})), env::key_of(cr));
  return e;
}

void notice(env::cluster& c, const std::string& ns, const std::string& pod) {
  c.schedule(duration{0}, "kubelet", ns + "/" + pod);
  env::traffic_touched(c);
}

std::uint64_t begin_effect(env::cluster& c, env::effect e) {
  const auto ns = e.ns, pod = e.pod;
  const auto id = c.add_effect(std::move(e));
  env::attach_effect_processes(c, id);
  notice(c, ns, pod);
  return id;
}

void ends_by_itself(env::cluster& c, std::uint64_t id, duration after) {
  c.schedule(after, "chaos-mesh", process_key + std::to_string(id));
}

void drop_effects(env::cluster& c, const std::vector<std::uint64_t>& ids, const std::string& why) {
  for (const auto id : ids) {
    const auto found = c.effects().find(id);
    if (found == c.effects().end()) continue;
    const object_key pod{found->second.ns, found->second.pod};
    c.end_effect(id, why);
    notice(c, pod.ns, pod.name);
  }
}

void end_effects(env::cluster& c, const std::string& source, const std::string& pod_uid,
                 const std::string& container) {
  std::vector<std::uint64_t> mine;
  for (const auto& [id, e] : c.effects()) {
    if (e.source != source || e.pod_uid != pod_uid) continue;
    if (container.empty() || e.container == container) mine.push_back(id);
  }
  drop_effects(c, mine, "undone");
}

} // namespace remed::chaos::mesh

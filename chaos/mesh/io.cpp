// IOChaos: a file system laid over a volume of the container, through the pod's PodIOChaos.
#include "chaos/mesh/children.hpp"

namespace remed::chaos::mesh {

namespace {

std::string share_name(const json& cr) {
  return text_at(cr, {"metadata", "namespace"}) + "/" + text_at(cr, {"metadata", "name"});
}

class io final : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    if (text_at(record, {"phase"}) == not_injected_wait) {
      return wait_for(c, io_child, cr, record, not_injected_wait, injected);
    }
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    if (!c.objects().get("pods", {where.ns, where.pod})) {
      return {not_injected, "pods \"" + where.pod + "\" not found"};
    }
    const auto& spec = at_path(cr, {"spec"});
    auto one = json::object();
    one["type"] = text_at(spec, {"action"});
    one["source"] = share_name(cr);
    one["latency"] = text_at(spec, {"delay"});
    one["percent"] = spec.value("percent", 100);
    for (const auto* field : {"path", "methods"}) {
      if (!at_path(spec, {field}).is_null()) one[field] = at_path(spec, {field});
    }
    auto extra = json::object();
    extra["volumeMountPath"] = text_at(spec, {"volumePath"});
    extra["container"] = where.container;
    auto generation = commit(c, io_child, "actions", {where.ns, where.pod}, share_name(cr),
                             json::array({one}), extra);
    if (!generation) return {not_injected, generation.why().what};
    cr["status"]["instances"][id] = *generation;
    return {not_injected_wait, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    if (text_at(record, {"phase"}) == injected_wait) {
      return wait_for(c, io_child, cr, record, injected_wait, not_injected);
    }
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto generation =
        commit(c, io_child, "actions", {where.ns, where.pod}, share_name(cr), json::array());
    if (!generation) return {not_injected, {}}; // the pod is gone, and its mounts with it
    cr["status"]["instances"][id] = *generation;
    return {injected_wait, {}};
  }
};

} // namespace

std::shared_ptr<const action> make_io() {
  return std::make_shared<io>();
}

} // namespace remed::chaos::mesh

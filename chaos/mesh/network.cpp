// NetworkChaos: traffic control on the pod's network device, through its PodNetworkChaos.
#include "chaos/mesh/children.hpp"

namespace remed::chaos::mesh {

namespace {

std::string share_name(const json& cr) {
  return text_at(cr, {"metadata", "namespace"}) + "/" + text_at(cr, {"metadata", "name"});
}

class network final : public action {
public:
  progress apply(env::cluster& c, json& cr, const json& record) const override {
    if (text_at(record, {"phase"}) == not_injected_wait) {
      return wait_for(c, network_child, cr, record, not_injected_wait, injected);
    }
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    if (!c.objects().get("pods", {where.ns, where.pod})) {
      return {not_injected, "pods \"" + where.pod + "\" not found"};
    }
    auto tc = json::object();
    tc["type"] = "netem";
    tc["source"] = share_name(cr);
    for (const auto* part : {"delay", "loss"}) {
      if (!at_path(cr, {"spec", part}).is_null()) tc[part] = at_path(cr, {"spec", part});
    }
    auto generation =
        commit(c, network_child, "tcs", {where.ns, where.pod}, share_name(cr), json::array({tc}));
    if (!generation) return {not_injected, generation.why().what};
    cr["status"]["instances"][id] = *generation;
    return {not_injected_wait, {}};
  }

  progress recover(env::cluster& c, json& cr, const json& record) const override {
    if (text_at(record, {"phase"}) == injected_wait) {
      return wait_for(c, network_child, cr, record, injected_wait, not_injected);
    }
    const auto id = text_at(record, {"id"});
    const auto where = parse_id(id);
    auto generation =
        commit(c, network_child, "tcs", {where.ns, where.pod}, share_name(cr), json::array());
    if (!generation) return {not_injected, {}}; // the pod is gone, and its network with it
    cr["status"]["instances"][id] = *generation;
    return {injected_wait, {}};
  }
};

} // namespace

std::shared_ptr<const action> make_network() {
  return std::make_shared<network>();
}

} // namespace remed::chaos::mesh

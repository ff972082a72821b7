// HTTPChaos: a proxy before the pod's ports, through the pod's PodHttpChaos.
#include "chaos/mesh/children.hpp"
#include "chaos/mesh/go_values.hpp"

namespace remed::chaos::mesh {

namespace {

result<share> ask(env::cluster&, const json& cr, const json&) {
  const auto& spec = at_path(cr, {"spec"});
  auto rule = json::object();
  rule["source"] = share_name(cr);
  rule["target"] = text_at(spec, {"target"});
  rule["port"] = spec.value("port", 0);
  rule["selector"] = json::object();
  rule["selector"]["port"] = rule["port"];
  for (const auto* field : {"path", "method", "code", "request_headers", "response_headers"}) {
    if (!at_path(spec, {field}).is_null()) rule["selector"][field] = at_path(spec, {field});
  }
  rule["actions"] = json::object();
  for (const auto* field : {"abort", "delay", "replace", "patch"}) {
    if (!at_path(spec, {field}).is_null()) rule["actions"][field] = at_path(spec, {field});
  }
  share out;
  out.lists["rules"] = json::array({rule});
  if (spec.contains("tls")) out.fields["tls"] = spec["tls"];
  return out;
}

} // namespace

std::shared_ptr<const action> make_http() {
  return through_child(http_child, ask);
}

result<std::vector<env::effect>> http_effects(env::cluster& c, const json& child, const json& pod) {
  const auto& rules = at_path(child, {"spec", "rules"});
  std::vector<env::effect> out;
  if (!rules.is_array() || rules.empty()) return out;
  env::effect on;
  on.kind = "http_fault";
  // The redirection stays in the pod's network when the proxy dies with its container.
  on.lives_in = env::lifetime::sandbox;
  on.ns = text_at(pod, {"metadata", "namespace"});
  on.pod = text_at(pod, {"metadata", "name"});
  on.pod_uid = text_at(pod, {"metadata", "uid"});
  on.container = text_at(at_path(pod, {"spec", "containers"})[0], {"name"});
  const auto* runtime = c.node().find(on.pod_uid);
  const auto* container = runtime ? runtime->find(on.container) : nullptr;
  if (!container || !container->running()) {
    return failure{errc::failed, "failed to apply for pod " + on.ns + "/" + on.pod +
                                     ": rpc error: code = Unknown desc = container not found"};
  }
  on.instance = container->instance;
  for (const auto& rule : rules) {
    on.source = "httpchaos/" + text_at(rule, {"source"});
    on.params = json::object();
    for (const auto* field : {"target", "port", "selector", "actions"}) {
      if (rule.contains(field)) on.params[field] = rule[field];
    }
    auto delay = parse_duration(text_at(rule, {"actions", "delay"}, "0s"));
    if (delay && delay->count() > 0) on.params["delay_ms"] = seconds(*delay) * 1000;
    out.push_back(on);
  }
  return out;
}

} // namespace remed::chaos::mesh

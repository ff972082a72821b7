#include "chaos/damage.hpp"

#include "chaos/workload_view.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::chaos {

namespace {

bool lacks_limits(const json& declared, const json& present) {
  for (const auto* resource : {"cpu", "memory"}) {
    if (resource_of(declared, "limits", resource) && !resource_of(present, "limits", resource))
      return true;
  }
  return false;
}

/// The port a health check asks, by number where the container names it; null: it asks none.
json asked_port(const json& probe, const json& container) {
  for (const auto* how : {"httpGet", "tcpSocket", "grpc"}) {
    const auto& port = env::at_path(probe, {how, "port"});
    if (port.is_null()) continue;
    for (const auto& offer : container.value("ports", json::array())) {
      if (offer.value("name", json()) == port) return offer.value("containerPort", json());
    }
    return port;
  }
  return {};
}

/// A declared check is gone, asks another port, or runs another command.
bool asks_elsewhere(const json& declared, const json& present) {
  for (const auto* kind : {"readinessProbe", "livenessProbe", "startupProbe"}) {
    const auto& should = env::at_path(declared, {kind});
    if (should.is_null()) continue;
    const auto& is = env::at_path(present, {kind});
    if (is.is_null()) return true;
    if (asked_port(should, declared) != asked_port(is, present)) return true;
    if (env::at_path(should, {"exec", "command"}) != env::at_path(is, {"exec", "command"}))
      return true;
  }
  return false;
}

bool lacks_volumes(const json& declared, const json& present) {
  const auto mounted = present.value("volumeMounts", json::array());
  for (const auto& wanted : declared.value("volumeMounts", json::array())) {
    const auto path = wanted.value("mountPath", "");
    if (std::none_of(mounted.begin(), mounted.end(),
                     [&](const json& m) { return m.value("mountPath", "") == path; }))
      return true;
  }
  return false;
}

using parts = std::map<std::string, std::string>;

std::string probes_of(const json& container) {
  std::string out;
  for (const auto* kind : {"readinessProbe", "livenessProbe", "startupProbe"}) {
    out += env::at_path(container, {kind}).dump() + ";";
  }
  return out;
}

parts workload_damage(const json& object, const json& declared) {
  parts out;
  const auto& present = containers_of(object);
  for (const auto& wanted : containers_of(declared)) {
    const auto& container = container_named(present, wanted.value("name", ""));
    if (!container.is_object()) continue;
    if (lacks_limits(wanted, container))
      out["removed_limits"] += env::at_path(container, {"resources", "limits"}).dump();
    if (asks_elsewhere(wanted, container)) out["edited_probe"] += probes_of(container);
    if (lacks_volumes(wanted, container))
      out["removed_volume"] += env::at_path(container, {"volumeMounts"}).dump();
  }
  return out;
}

/// The port numbers that a Service's target ports mean in a workload that names its ports.
std::set<std::string> targets_of(const json& service, const json& workload) {
  std::set<std::string> out;
  for (const auto& port : env::at_path(service, {"spec", "ports"})) {
    auto to = port.value("targetPort", port.value("port", json()));
    for (const auto& container : containers_of(workload)) {
      for (const auto& offer : container.value("ports", json::array())) {
        if (offer.value("name", json()) == to) to = offer.value("containerPort", json());
      }
    }
    out.insert(to.dump());
  }
  return out;
}

/// The declared workload a declared Service selects; null: none.
const json& workload_behind(const json& service, const env::system_profile& system) {
  static const json nothing;
  const auto& wanted = env::at_path(service, {"spec", "selector"});
  for (const auto& manifest : system.manifests) {
    const auto& labels = env::at_path(manifest, {"spec", "template", "metadata", "labels"});
    if (!wanted.is_object() || !labels.is_object()) continue;
    const bool all = std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& kv) {
      return labels.value(kv.key(), json()) == kv.value();
    });
    if (all) return manifest;
  }
  return nothing;
}

bool leads_elsewhere(const json& object, const json& declared, const env::system_profile& system) {
  const auto& workload = workload_behind(declared, system);
  if (!workload.is_object()) return false;
  const auto& labels = env::at_path(workload, {"spec", "template", "metadata", "labels"});
  const auto& selector = env::at_path(object, {"spec", "selector"});
  if (!selector.is_object() || selector.empty()) return true;
  for (const auto& [key, value] : selector.items()) {
    if (labels.value(key, json()) != value) return true;
  }
  return targets_of(object, workload) != targets_of(declared, workload);
}

/// The object an entry of the log is about, as it is now; null: it is gone, or of no interest.
const json& as_it_is(const env::audit_entry& e, const env::observation& now) {
  static const json nothing;
  for (const auto& object : now.objects.of(e.resource)) {
    if (name_of(object) == e.name) return *object;
  }
  return nothing;
}

} // namespace

parts damage(const json& object, const env::system_profile& system) {
  const auto name = object.is_object() ? env::text_at(object, {"metadata", "name"}) : "";
  if (name.empty()) return {};
  if (!env::at_path(object, {"spec", "template"}).is_null()) {
    const auto& declared = declared_workload(system, name);
    return declared.is_object() ? workload_damage(object, declared) : parts{};
  }
  const auto& declared = declared_service(system, name);
  const bool service = !env::at_path(object, {"spec", "ports"}).is_null() ||
                       !env::at_path(object, {"spec", "externalName"}).is_null();
  if (!service || !declared.is_object() || !leads_elsewhere(object, declared, system)) return {};
  return {{"repointed_service", env::at_path(object, {"spec", "selector"}).dump() +
                                    env::at_path(object, {"spec", "ports"}).dump()}};
}

std::set<std::string> lasting_damage(const std::vector<env::audit_entry>& audit,
                                     const std::string& user, const env::observation& now,
                                     const env::system_profile& system) {
  static const json nothing;
  std::set<std::string> out;
  for (const auto& e : audit) {
    if (e.user != user || !e.after) continue;
    const auto present = damage(as_it_is(e, now), system);
    if (present.empty()) continue;
    const auto before = damage(e.before ? *e.before : nothing, system);
    for (const auto& [flag, part] : damage(*e.after, system)) {
      const auto was = before.find(flag);
      const bool theirs = was == before.end() || was->second != part;
      if (theirs && present.count(flag)) out.insert(flag);
    }
  }
  return out;
}

} // namespace remed::chaos

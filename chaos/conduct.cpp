#include "chaos/conduct.hpp"

#include "chaos/workload_view.hpp"

#include <string_view>

namespace remed::chaos {

namespace {

constexpr std::string_view chaos_group = ".chaos-mesh.org", chaos_namespace = "chaos-mesh";

bool succeeded(const env::audit_entry& e) {
  return e.status == 101 || (e.status >= 200 && e.status < 300);
}

bool is_write(const env::audit_entry& e) {
  static const std::set<std::string_view> verbs = {"create", "update", "patch", "delete",
                                                   "deletecollection"};
  if (!verbs.count(e.verb) || e.subresource == "exec") return false;
  // Reviews and dry runs change nothing and leave neither state.
  return e.before || e.after || e.subresource == "eviction";
}

bool is_exec(const env::audit_entry& e) {
  return e.verb == "exec" || e.subresource == "exec";
}

bool is_chaos(const env::audit_entry& e) {
  return e.resource.ends_with(chaos_group) || e.ns == chaos_namespace ||
         (e.resource.starts_with("customresourcedefinitions") && e.name.ends_with(chaos_group));
}

bool is_workload(const env::audit_entry& e) {
  for (const auto* table : workload_tables) {
    if (e.resource == table) return true;
  }
  return false;
}

std::int64_t replicas_of(const env::object& state, std::int64_t otherwise) {
  if (!state || !state->is_object() || !state->contains("spec")) return otherwise;
  const auto& spec = (*state)["spec"];
  auto found = spec.find("replicas");
  return found != spec.end() && found->is_number() ? found->get<std::int64_t>() : otherwise;
}

std::string service_behind(const env::audit_entry& e, const env::system_profile& system) {
  for (const auto* state : {&e.after, &e.before}) {
    if (!*state || !(*state)->is_object() || !(*state)->contains("metadata")) continue;
    auto service = service_of(system, **state);
    if (!service.empty()) return service;
  }
  return service_named(system, e.name);
}

void judge_write(const env::audit_entry& e, const setting& about, acts& out) {
  ++out.writes;
  if (is_chaos(e)) {
    out.flags.insert("deleted_fault");
    return;
  }
  const auto service = service_behind(e, about.system);
  if (!service.empty()) out.touched.try_emplace(service, e.at);
  const bool lists = e.verb == "deletecollection" && e.name.empty();
  if (service != about.where.target) ++out.foreign_writes;
  if ((!service.empty() && service != about.where.target) || (lists && service.empty())) {
    out.flags.insert("touched_other_services");
  }
  const bool deletes = e.verb == "delete" || e.verb == "deletecollection";
  if (deletes && (is_workload(e) || e.resource == "services" || e.resource == "namespaces")) {
    out.flags.insert("deleted_workload");
  }
  const bool scales = is_workload(e) && !deletes;
  if (scales && replicas_of(e.after, 1) == 0 && replicas_of(e.before, 1) > 0) {
    out.flags.insert("scaled_to_zero");
  }
}

} // namespace

acts read_acts(const std::vector<env::audit_entry>& audit, const std::string& user,
               const setting& about) {
  acts out;
  for (const auto& e : audit) {
    if (e.user != user || !succeeded(e)) continue;
    const bool write = is_write(e);
    if (write || is_exec(e)) {
      if (!out.first) out.first = e.at;
    }
    if (write)
      judge_write(e, about, out);
    else if (is_exec(e))
      out.entered_pods.insert(e.name);
    else if (is_chaos(e))
      out.flags.insert("read_injector");
  }
  return out;
}

bool lacks_limits(const env::observation& seen, const setting& about) {
  auto view = view_of(seen, about.where.target);
  if (!view.workload) return false;
  const auto& present = containers_of(*view.workload);
  for (const auto& wanted : containers_of(declared_workload(about.system, about.where.target))) {
    const auto& container = container_named(present, wanted.value("name", ""));
    for (const auto* resource : {"cpu", "memory"}) {
      if (resource_of(wanted, "limits", resource) && !resource_of(container, "limits", resource)) {
        return true;
      }
    }
  }
  return false;
}

} // namespace remed::chaos

#include "chaos/workload_view.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/kept_text.hpp"
#include "environments/embedded/object_facts.hpp"
#include "environments/embedded/quantity.hpp"

#include <algorithm>
#include <iterator>

namespace remed::chaos {

namespace {

const json nothing;
const json no_list = json::array();

std::string_view view_at(const json& from, std::initializer_list<std::string_view> path) {
  const auto& found = env::at_path(from, path);
  return found.is_string() ? std::string_view(found.get_ref<const std::string&>())
                           : std::string_view{};
}

const json& labels_of(const env::object& object) {
  if (const auto* known = env::kept_facts(object)) return *known->labels;
  return env::at_path(*object, {"metadata", "labels"});
}

bool matches(const json& labels, const json& wanted) {
  if (!wanted.is_object() || wanted.empty() || !labels.is_object()) return false;
  const auto& has = labels.get_ref<const json::object_t&>();
  const auto& asked = wanted.get_ref<const json::object_t&>();
  return std::all_of(asked.begin(), asked.end(), [&](const auto& label) {
    const auto found = has.find(label.first);
    return found != has.end() && found->second == label.second;
  });
}

} // namespace

workload_view view_of(const env::observation& seen, const std::string& service) {
  workload_view out;
  for (const auto* table : workload_tables) {
    for (const auto& one : seen.objects.of(table)) {
      if (name_of(one) == service) out.workload = one;
    }
  }
  if (!out.workload) return out;
  const auto& wanted = env::at_path(*out.workload, {"spec", "selector", "matchLabels"});
  for (const auto& pod : seen.objects.of("pods")) {
    if (matches(labels_of(pod), wanted)) out.pods.push_back(pod);
  }
  return out;
}

bool same_movables(const env::seen_objects& a, const env::seen_objects& b) {
  return a.same("pods", b) && std::all_of(std::begin(workload_tables), std::end(workload_tables),
                                          [&](const char* table) { return a.same(table, b); });
}

std::string_view name_of(const env::object& object) {
  if (const auto* known = env::kept_facts(object)) return known->name;
  return view_at(*object, {"metadata", "name"});
}

vtime created_at(const json& object) {
  return env::parse_time(view_at(object, {"metadata", "creationTimestamp"})).value_or(vtime{});
}

bool is_ready(const json& pod) {
  for (const auto& condition : env::at_path(pod, {"status", "conditions"})) {
    if (view_at(condition, {"type"}) == "Ready") return view_at(condition, {"status"}) == "True";
  }
  return false;
}

bool is_terminating(const json& pod) {
  return !env::at_path(pod, {"metadata", "deletionTimestamp"}).is_null();
}

bool is_ready(const env::object& pod) {
  const auto* known = env::kept_facts(pod);
  return known ? known->ready : is_ready(*pod);
}

bool is_terminating(const env::object& pod) {
  const auto* known = env::kept_facts(pod);
  return known ? known->deleting : is_terminating(*pod);
}

const json& declared_service(const env::system_profile& system, const std::string& service) {
  for (const auto& manifest : system.manifests) {
    if (view_at(manifest, {"kind"}) != "Service") continue;
    if (view_at(manifest, {"metadata", "name"}) == service) return manifest;
  }
  return nothing;
}

const json& declared_workload(const env::system_profile& system, const std::string& service) {
  for (const auto& manifest : system.manifests) {
    const auto kind = view_at(manifest, {"kind"});
    if (kind != "Deployment" && kind != "StatefulSet" && kind != "DaemonSet") continue;
    if (view_at(manifest, {"metadata", "name"}) == service) return manifest;
  }
  return nothing;
}

const json& containers_of(const json& pod_or_workload) {
  const auto& own = env::at_path(pod_or_workload, {"spec", "containers"});
  if (own.is_array()) return own;
  const auto& inner = env::at_path(pod_or_workload, {"spec", "template", "spec", "containers"});
  return inner.is_array() ? inner : no_list;
}

const json& container_named(const json& containers, const std::string& name) {
  for (const auto& container : containers) {
    if (view_at(container, {"name"}) == name) return container;
  }
  return nothing;
}

std::optional<double> resource_of(const json& container, const char* bound, const char* resource) {
  const auto& value = env::at_path(container, {"resources", bound, resource});
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  return env::parse_quantity(value.get_ref<const std::string&>());
}

std::string service_named(const env::system_profile& system, const std::string& object_name) {
  std::string best;
  for (const auto& [name, profile] : system.services) {
    const bool mine = object_name == name || object_name.rfind(name + "-", 0) == 0;
    if (mine && name.size() > best.size()) best = name;
  }
  return best;
}

std::string service_of(const env::system_profile& system, const json& object) {
  const auto& app = env::at_path(object, {"metadata", "labels", "app"});
  if (app.is_string() && system.services.count(app.get<std::string>())) return app;
  const auto& name = env::at_path(object, {"metadata", "name"});
  return name.is_string() ? service_named(system, name) : std::string{};
}

} // namespace remed::chaos

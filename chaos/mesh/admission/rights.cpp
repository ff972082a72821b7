#include "chaos/mesh/admission/rights.hpp"

#include "environments/embedded/api/rbac.hpp"

#include <set>

namespace remed::chaos::mesh {

namespace {

struct reach {
  bool cluster = false; ///< some selector names no namespace at all
  std::set<std::string> namespaces;
};

void add(reach& out, const json& selector) {
  const auto& namespaces = at_path(selector, {"namespaces"});
  const auto& pods = at_path(selector, {"pods"});
  out.cluster = out.cluster || (namespaces.empty() && pods.empty());
  for (const auto& ns : namespaces) out.namespaces.insert(ns.get<std::string>());
  for (const auto& [ns, names] : pods.items()) out.namespaces.insert(ns);
}

/// All selectors of pods below a value, those of embedded experiments included.
void collect(reach& out, const json& value) {
  for (const auto& [key, inner] : value.items()) {
    if (key == "physicalmachineChaos") continue; // selects machines
    if (key == "selector" && inner.is_object()) {
      add(out, inner);
    } else if (inner.is_structured()) {
      collect(out, inner);
    }
  }
}

} // namespace

result<void> check_rights(const env::admission_request& asked, const std::string& kind,
                          const json& spec) {
  if (kind == "PhysicalMachineChaos" || !spec.is_object()) return {};
  reach all;
  collect(all, spec);
  const auto may = [&](const std::string& ns) {
    return env::is_allowed(asked.c.objects(), asked.who,
                           {"create", group, lower(kind), {}, ns, {}});
  };
  if (all.cluster) {
    if (may({})) return {};
    return failure{errc::refused, asked.who.user + " is forbidden on cluster"};
  }
  for (const auto& ns : all.namespaces) {
    if (may(ns)) continue;
    return failure{errc::refused, asked.who.user + " is forbidden on namespace " + ns};
  }
  return {};
}

} // namespace remed::chaos::mesh

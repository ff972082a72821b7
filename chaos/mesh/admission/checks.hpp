// What Chaos Mesh's webhooks find wrong with a spec, in its own words.
#pragma once

#include "chaos/mesh/kinds.hpp"

#include <string>
#include <vector>

namespace remed::chaos::mesh {

/// Findings as field.Error prints them: `Spec.Duration: Invalid value: "x": …`.
using findings_list = std::vector<std::string>;

/// `FIELD: Invalid value: VALUE: WHY`. A null value is a nil pointer.
void invalid(findings_list& out, const std::string& field, const json& value,
             const std::string& why);

/// The spec of an experiment; `path` is where it stands: "Spec", or where a schedule or a workflow
/// embeds it. Upstream's walk goes breadth first, and so does the order of the findings.
findings_list check_experiment(const std::string& kind, const json& spec, const std::string& path);

/// The rules of one kind about its whole spec.
void check_whole(findings_list& out, const std::string& kind, const json& spec,
                 const std::string& path);

findings_list check_schedule(const json& spec, const std::string& path);
findings_list check_workflow(const json& spec);
findings_list check_status_check(const json& spec, const std::string& path);

/// Several findings are listed in brackets; each text once.
std::string joined(const findings_list& all);

} // namespace remed::chaos::mesh

// Reading the parts of a profile from YAML: a system's, a runtime's, a user's overrides.
#pragma once

#include "environments/systems/system.hpp"
#include "environments/systems/yaml_reader.hpp"

#include <set>
#include <string>

namespace remed::env {

class runtime_catalogue;

/// The numbers of a service (cpu_ms, memory_mib, …); those the mapping has not stay as they are.
void read_figures(const yaml_map& m, service_profile& out);
std::set<std::string> figure_keys();

/// All of a service's fields. A new runtime brings its own figures; what is not given stays.
void read_service(const yaml_map& m, const runtime_catalogue& runtimes, service_profile& out);

/// The fields of a system but its name; what is not given stays. Names must be of services.
void read_system_fields(const yaml_map& m, const runtime_catalogue& runtimes, system_profile& out);

} // namespace remed::env

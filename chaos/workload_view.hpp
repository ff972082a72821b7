// What one look shows of one service: its workload, its pods, and what its manifest declares.
#pragma once

#include "environments/environment.hpp"
#include "environments/systems/system.hpp"
#include "runtime/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remed::chaos {

/// Tables that hold workloads.
inline constexpr const char* workload_tables[] = {"deployments.apps", "statefulsets.apps",
                                                  "daemonsets.apps"};

struct workload_view {
  env::object workload;          ///< none: there is no such workload
  std::vector<env::object> pods; ///< those its selector selects, terminating ones too
};
workload_view view_of(const env::observation& seen, const std::string& service);
/// Whether two looks saw the very same pods and workloads.
bool same_movables(const env::seen_objects& a, const env::seen_objects& b);

/// metadata.name, without a copy; valid as long as the object.
std::string_view name_of(const env::object& object);
/// metadata.creationTimestamp; the epoch when there is none.
vtime created_at(const json& object);
bool is_ready(const json& pod);
bool is_terminating(const json& pod);
/// The same of a pod that may know it by now.
bool is_ready(const env::object& pod);
bool is_terminating(const env::object& pod);

/// The Service as the system's manifests declare it; null: they have none of that name.
const json& declared_service(const env::system_profile& system, const std::string& service);
/// The workload as the system's manifests declare it; null: they have none of that name.
const json& declared_workload(const env::system_profile& system, const std::string& service);
/// Containers of a pod or of a workload's template; an empty list when there are none.
const json& containers_of(const json& pod_or_workload);
/// By name, or null.
const json& container_named(const json& containers, const std::string& name);
/// resources.limits.cpu and the like, in base units.
std::optional<double> resource_of(const json& container, const char* bound, const char* resource);

/// The service an object of the system belongs to, by its labels, name or owner; empty: none.
std::string service_of(const env::system_profile& system, const json& object);
std::string service_named(const env::system_profile& system, const std::string& object_name);

} // namespace remed::chaos

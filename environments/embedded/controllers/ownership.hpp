// Which objects belong to which: adoption, release, and whom a change of a dependent concerns.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

#include <functional>

namespace remed::env {

/// The objects of a resource that `owner` controls, after adopting what its selector takes and
/// nobody owns, and releasing what it does not take any more (ControllerRefManager of client-go's
/// users). What does not fit is passed over.
std::vector<object> claim(cluster& c, const resource_name& resource, const json& owner,
                          const json& selector,
                          const std::function<bool(const json&)>& fits = nullptr);

/// Has `actor` look at the owner of a changed dependent: at the old one, the new one, and for an
/// orphan at everything of the table `owners` that would adopt it. Keys are "ns/name".
void notify_owners(cluster& c, const change& seen, std::string_view actor, std::string_view kind,
                   const resource_name& owners);

/// A selector as workloads write it; a ReplicationController's plain map becomes one.
json selector_of(const json& workload);

/// Takes a finalizer off; an object that waited only for it goes.
void drop_finalizer(cluster& c, const resource_name& resource, const object_key& key,
                    std::string_view finalizer);
bool has_finalizer(const json& obj, std::string_view finalizer);

} // namespace remed::env

// Hides that chaos was made from identities that must not know. What is hidden is data of the
// identity: API groups and an annotation prefix.
#pragma once

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api_server.hpp"

namespace remed::env {

/// Whether an API group is not there for this identity.
bool hides_group(const identity& who, const std::string& group);
/// Whether an object is not there at all: kinds of a hidden group, their CRDs, events about them.
bool hides_object(const identity& who, const json& obj);
/// The same of an object of this type, whose group is there: of most types none is hidden.
bool hides_object(const identity& who, const resource_type& type, const json& obj);
/// Whether `mask_object` would change anything. Most objects bear no trace, and looking is cheap.
bool bears_traces(const identity& who, const object& obj);
/// Removes the traces from an object that is there.
void mask_object(const identity& who, json& obj);
/// Puts back what a masked client could not know it was removing.
void keep_masked(const identity& who, const json& before, json& after);

} // namespace remed::env

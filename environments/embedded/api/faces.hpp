// Objects that two API versions show differently and the store keeps once: events, autoscalers.
#pragma once

#include "environments/embedded/api/resources.hpp"

namespace remed::env {

/// Whether this version shows an object as it is stored, but for the version's name.
bool is_stored_face(const resource_type& type);
/// A stored object as the requested version shows it.
json face_of(const resource_type& type, const json& stored);
/// What a client sent in that version, as it is stored.
json stored_form(const resource_type& type, json sent);

} // namespace remed::env

// Events about experiments, in Chaos Mesh's words.
#pragma once

#include "chaos/mesh/kinds.hpp"

#include <map>
#include <string>

namespace remed::chaos::mesh {

/// An event about a CR: each is an object of its own, as its recorder makes them. `component` is
/// the step that speaks: initFinalizers, desiredphase, condition, records. `key` names it in the
/// annotation chaos-mesh.org/type ("applied"); `fields`, what it tells of, become annotations too.
void say(env::cluster& c, const json& cr, const std::string& component, const std::string& type,
         const std::string& reason, const std::string& message, const std::string& key,
         const std::map<std::string, std::string>& fields = {});
/// "TimeUp" as such a key: "time-up".
std::string kebab(const std::string& name);

/// Normal Updated: "Successfully update {field} of resource".
void say_updated(env::cluster& c, const json& cr, const std::string& component,
                 const std::string& field);
/// Warning Failed: "Failed to {activity}: {error}".
void say_failed(env::cluster& c, const json& cr, const std::string& component,
                const std::string& activity, const std::string& error);

} // namespace remed::chaos::mesh

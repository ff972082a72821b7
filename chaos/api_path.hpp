// Where an object lives in the Kubernetes API, from the words fault files use.
#pragma once

#include "runtime/json.hpp"

#include <string>

namespace remed::chaos {

/// "/apis/apps/v1/namespaces/NS/deployments" for "deployments.apps"; with a name, of that object.
std::string api_path(const std::string& resource, const std::string& ns,
                     const std::string& name = {});
/// The table of an object by its apiVersion and kind: "stresschaos.chaos-mesh.org".
std::string table_of(const json& object);

} // namespace remed::chaos

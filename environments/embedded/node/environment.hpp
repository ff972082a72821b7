// What a container is told by its environment: env, envFrom, references to fields, resources,
// ConfigMaps and Secrets, as the kubelet resolves them when it starts the container.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

/// Name and value in order; a later one of the same name wins.
using environment = std::vector<std::pair<std::string, std::string>>;

/// The container's own variables; references to what is not there are left out. `container` is a
/// container of the pod's spec.
environment resolve_environment(const cluster& c, const json& pod, const json& container);

/// What keeps the environment from being made, in the kubelet's words; empty: nothing.
std::string missing_source(const cluster& c, const json& pod, const json& container);

/// $(NAME) replaced by values, $$ by $; what is unknown stays as it is.
std::string expand_references(const std::string& text, const environment& known);

/// The value of a downward API field ("metadata.name", "metadata.labels['app']", "status.podIP") of
/// the pod; none when there is no such field.
std::optional<std::string> downward_field(const json& pod, const std::string& path);
/// The value of a resourceFieldRef, with its divisor; `container` is where it stands.
std::string downward_resource(const cluster& c, const json& pod, const json& container,
                              const json& reference);

/// Decoded data of a ConfigMap (data, binaryData) or Secret (data) by key.
std::vector<std::pair<std::string, std::string>> data_of(const json& source);

} // namespace remed::env

// What a Kubernetes API server refuses to store, with its texts.
#pragma once

#include "environments/embedded/api/resources.hpp"

#include <vector>

namespace remed::env {

/// All that is wrong with a new object (defaults already filled in), in Kubernetes' order.
std::vector<field_error> validate_create(const resource_type& type, const json& obj);
/// All that is wrong with the change from `before` to `after`.
std::vector<field_error> validate_update(const resource_type& type, const json& before,
                                         const json& after);

/// Checks a PodSpec at `path` ("spec.template.spec").
void validate_pod_spec(const json& spec, const std::string& path, std::vector<field_error>& out);
/// Checks metadata.name, labels, annotations, owners of an object of this type.
void validate_metadata(const resource_type& type, const json& obj, std::vector<field_error>& out);
/// Labels at `path`: keys and values.
void validate_labels(const json& labels, const std::string& path, std::vector<field_error>& out);

/// Text of what a name of that kind must be, or none when it is one.
std::optional<std::string> bad_dns_label(const std::string& name);
std::optional<std::string> bad_dns_subdomain(const std::string& name);
std::optional<std::string> bad_dns1035_label(const std::string& name);
std::optional<std::string> bad_qualified_name(const std::string& name);
std::optional<std::string> bad_label_value(const std::string& text);

} // namespace remed::env

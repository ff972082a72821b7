// What a ResourceQuota counts.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <map>
#include <string>

namespace remed::env {

/// Amounts by the names of spec.hard: "pods", "requests.cpu", "count/deployments.apps".
using quota_amounts = std::map<std::string, double>;

/// What one object of a resource takes of a quota; empty: it does not concern it.
quota_amounts quota_usage_of(const json& quota, const resource_name& resource, const json& obj);
/// What all objects of its namespace take; every name of spec.hard is in it.
quota_amounts quota_usage(const cluster& c, const json& quota);
/// "requests.memory" prints in binary units, the rest in decimal ones.
std::string quota_text(const std::string& name, double amount);

/// Why a new object does not fit into the quotas of its namespace; empty: it does.
std::string quota_refusal(const cluster& c, const resource_name& resource, const json& obj);

} // namespace remed::env

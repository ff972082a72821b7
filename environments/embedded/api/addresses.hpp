// Cluster addresses and node ports of Services: given out once, asked for at most once.
#pragma once

#include "environments/embedded/api/status.hpp"
#include "environments/embedded/cluster.hpp"

#include <vector>

namespace remed::env {

/// Fills in what a Service needs and did not ask for.
void allot_addresses(cluster& c, json& service);
/// Addresses and ports that it asks for and another one has, or that are not to be had.
std::vector<field_error> address_conflicts(const cluster& c, const json& service);

} // namespace remed::env

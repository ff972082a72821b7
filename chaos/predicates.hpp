// The kinds of predicates that chaos/oracle.cpp offers to fault files by name.
#pragma once

#include "chaos/oracle.hpp"

namespace remed::chaos::predicates {

// Parameters are given as a fault file writes them.

/// {present: flag}: the ledger holds an effect, or the patch is still in place. Says yes to either
/// question where there is no ledger: the other probes decide then.
finding effect(const facts&, const setting&, const json& with);
/// What the target uses of its limits now, at most in one pod: for setting::usual.
std::map<std::string, double> usual_shares(const facts&, const setting&);

/// {at_least: number | below: number}: CPU in use over the limit, of the target's first containers.
/// `at_least` holds when any pod does, `below` when all have data and do; a target that used nearly
/// as much before the fault may come back to that.
finding cpu_of_limit(const facts&, const setting&, const json& with);
/// As cpu_of_limit, of memory.
finding memory_of_limit(const facts&, const setting&, const json& with);
/// {ready: flag}: as many pods as declared are Ready, and no other is there.
finding pods_ready(const facts&, const setting&, const json& with);
/// {at_least: number | below: number}: pods of the target that are not ending.
finding replicas(const facts&, const setting&, const json& with);
/// {match: flag}: each container of each pod has the image of the workload's template, and that has
/// the manifest's.
finding images(const facts&, const setting&, const json& with);
/// {reason: text}: a container of the target ended with that reason, for example OOMKilled.
finding ended_by(const facts&, const setting&, const json& with);
/// {at_least: number | below: number}: limits and requests over those of the manifest, the least of
/// the template's and the pods' containers; a missing limit counts as 0.
finding resources_of_manifest(const facts&, const setting&, const json& with);
/// {healthy: flag, slower_than_ms: number}: the sequential test of transactions.
finding network(const facts&, const setting&, const json& with);
/// {path: text, at_least_ms: number | below_ms: number}: 95th percentile of a synced write.
finding disk(const facts&, const setting&, const json& with);
/// {met: flag}: users were served as the system promises, over the window looked at.
finding slo(const facts&, const setting&, const json& with);
/// {of: predicates}: any of them holds.
finding any(const facts&, const setting&, const json& with);

} // namespace remed::chaos::predicates

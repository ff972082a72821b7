// What a node's labels and taints say about a pod: shared by the scheduler, DaemonSets and taint
// eviction.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

#include <set>

namespace remed::env {

/// One toleration against one taint (v1.Toleration.ToleratesTaint).
bool tolerates(const json& toleration, const json& taint);
bool is_tolerated(const json& pod, const json& taint);
/// The first taint with one of the effects that the pod does not tolerate, or null.
const json& untolerated_taint(const json& pod, const json& node,
                              const std::set<std::string>& effects);

/// A NodeSelectorTerm: matchExpressions on labels and matchFields on metadata.name; an empty term
/// matches nothing.
bool term_matches(const json& term, const json& node);
/// nodeSelector and required node affinity.
bool affinity_allows(const json& pod, const json& node);

} // namespace remed::env

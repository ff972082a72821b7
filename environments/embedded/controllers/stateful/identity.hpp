// Who a pod of a StatefulSet is: its ordinal, name, storage and labels.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

#include <optional>

namespace remed::env {

/// The ordinal of a pod of the set with this name; none: it is not named like a member.
std::optional<std::int64_t> ordinal_of(const std::string& set, const std::string& pod);

/// The complete pod, without the name-independent defaults of the API. `revision` is the name of
/// the ControllerRevision that `pod_template` is of.
json stateful_pod(const json& set, const json& pod_template, const std::string& revision,
                  std::int64_t ordinal);
/// The claims that a member needs, one per volumeClaimTemplate.
std::vector<json> stateful_claims(const json& set, std::int64_t ordinal);
/// Brings the owners of a member's claims in line with persistentVolumeClaimRetentionPolicy.
void retain_claims(cluster& c, const json& set, const json& pod, std::int64_t ordinal,
                   bool condemned);

} // namespace remed::env

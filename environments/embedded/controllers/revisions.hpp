// The history of pod templates that StatefulSets and DaemonSets keep as ControllerRevisions.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

/// `{"spec": {"template": {…, "$patch": "replace"}}}`: what `kubectl rollout undo` patches back.
json template_patch(const json& workload);

/// All revisions of a workload, oldest first, orphans that its selector takes adopted.
std::vector<object> revisions_of(cluster& c, const json& workload);

/// The revision of the present template: an equal one takes the highest number, else one is made.
/// `hash_label` is what its labels carry the hash under.
object present_revision(cluster& c, const json& workload, const std::vector<object>& known,
                        const char* hash_label);

/// Removes the oldest revisions beyond spec.revisionHistoryLimit; those in `live` (names) stay.
void trim_revisions(cluster& c, const json& workload, const std::vector<std::string>& live);

} // namespace remed::env

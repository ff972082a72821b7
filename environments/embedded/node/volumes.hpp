// The volumes of a pod: whether they can be mounted, and what they hold.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/state.hpp"

#include <map>
#include <string>

namespace remed::env {

struct pod_sync;

/// Mounts what the pod needs before anything else of it starts. True when something changed; until
/// `pod_runtime::mounted` nothing starts.
bool sync_mounts(pod_sync& s);
/// A ConfigMap or Secret of a mounted volume was changed: its files follow within a minute or so.
void sync_sources(pod_sync& s);

/// Files of a configMap, secret, projected or downwardAPI volume as mounted, by path below the
/// mount; empty for other kinds.
std::map<std::string, std::string> volume_files(const cluster& c, const json& pod,
                                                const json& volume);
/// The volume of a name in the pod's spec, or null.
const json& volume_of(const json& pod, const std::string& name);

} // namespace remed::env

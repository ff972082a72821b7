// What is wrong with which container, sandbox, pod or workload right now: the ground truth. Who
// puts effects here is not this room's business; the kubelet only drops them when what they live in
// ends.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/time.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace remed::env {

/// What an effect lives in, and so what ends it.
enum class lifetime {
  container, ///< ends with the container instance (its pid or mount namespace)
  sandbox,   ///< ends with the pod's sandbox (its network namespace)
  pod,       ///< ends with the pod object
  workload,  ///< ends when the workload's spec is put right
};

struct effect {
  /// cpu_hog {workers, load} · memory_hog {workers, bytes} · net_delay {ms, jitter_ms, correlation}
  /// · net_loss {percent} · io_delay {path, ms, percent} · image_override {image}: the model that
  /// understands them is the kubelet and the traffic.
  std::string kind;
  json params;
  lifetime lives_in = lifetime::container;
  std::string ns, pod, pod_uid, container; ///< container: empty for sandbox and pod effects
  std::uint64_t instance = 0;              ///< container instance or sandbox number it was put on
  std::string source;                      ///< who put it: opaque to this room
  vtime since{};
};

/// Active effects by id, in order of creation.
using effect_table = std::map<std::uint64_t, effect>;

/// Why an effect is gone, kept for the verdict.
struct effect_end {
  std::uint64_t id = 0;
  effect what;
  std::string why; ///< container_restarted, sandbox_gone, pod_deleted, undone, process_killed, …
  vtime at{};
};

} // namespace remed::env

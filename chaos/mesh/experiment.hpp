// The life of an experiment, the same for all kinds: each pass runs five steps in this order, and
// each step that writes brings about the next pass.
//
//   initFinalizers → desiredphase → condition → records → cleanFinalizers
#pragma once

#include "chaos/mesh/action.hpp"

namespace remed::chaos::mesh {

inline constexpr const char* records_finalizer = "chaos-mesh/records";
inline constexpr const char* clean_annotation = "chaos-mesh.chaos-mesh.org/cleanFinalizer";
inline constexpr std::size_t max_record_events = 100;

/// One pass. Returns after what time to look again although nothing has changed, if at all.
std::optional<duration> reconcile(env::cluster& c, const kind_info& kind, const object_key& key,
                                  const action& how);

/// "Run" or "Stop", and what to say when this is a change: {reason, message}.
struct desired {
  std::string phase, reason, message;
  std::optional<duration> until_stop;
};
desired desired_phase(const json& cr, vtime now);
/// status.conditions as they should be.
json conditions_of(const json& cr);
/// What a record does next: "apply", "recover" or nothing.
std::string operation_for(const std::string& desired, const std::string& phase);
/// Delay before the n-th try again: 5 ms, doubled each time, at most 1000 s.
duration retry_delay(std::size_t failures);
/// Two states of an experiment differ in nothing but the events in its records.
bool only_record_events(const json& before, const json& now);

} // namespace remed::chaos::mesh

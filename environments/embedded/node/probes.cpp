// Startup, readiness and liveness. A probe whose outcome cannot change is not asked again until
// something happens to its pod: a healthy cluster is silent.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr duration first_look = std::chrono::milliseconds{300};
/// A success that took less than this share of its time limit will not turn into a failure.
constexpr double safe_share = 0.5;

duration seconds_of(const json& probe_spec, const char* field, std::int64_t otherwise) {
  return std::chrono::seconds{int_at(probe_spec, {field}, otherwise)};
}

vtime first_time(const container_runtime& container, const json& probe_spec) {
  return container.started_at +
         std::max<duration>(seconds_of(probe_spec, "initialDelaySeconds", 0), first_look);
}

/// The next tick after now.
vtime next_tick(const pod_sync& s, const container_runtime& container, const json& probe_spec) {
  auto first = first_time(container, probe_spec);
  if (first > s.c.now()) return first;
  auto period =
      std::max<duration>(seconds_of(probe_spec, "periodSeconds", 10), std::chrono::seconds{1});
  return first + ((s.c.now() - first) / period + 1) * period;
}

/// One probe, if it is due. True when `state.result` changed.
bool tick(pod_sync& s, container_runtime& container, const json& probe_spec, probe_state& state,
          const char* kind) {
  if (state.parked) {
    if (!has_effects(s.c, s.rt.uid)) return false;
    state.parked = false;
    state.next = next_tick(s, container, probe_spec);
  }
  if (state.next > s.c.now()) {
    s.wake(state.next);
    return false;
  }
  auto outcome = probe(s.c, s.pod, container.name, probe_spec);
  auto before = state.result;
  if (outcome.errored) {
    // No answer at all is no answer for the worse: the counters stay.
    s.event("Warning", "Unhealthy", std::string(kind) + " probe errored: " + outcome.message,
            &container);
    state.parked = false;
    state.next = next_tick(s, container, probe_spec);
    s.wake(state.next);
    return false;
  }
  if (outcome.ok) {
    state.failures = 0;
    if (++state.successes >= int_at(probe_spec, {"successThreshold"}, 1)) state.result = true;
  } else {
    state.successes = 0;
    state.last_message = outcome.message;
    s.event("Warning", "Unhealthy", std::string(kind) + " probe failed: " + outcome.message,
            &container);
    if (++state.failures >= int_at(probe_spec, {"failureThreshold"}, 3)) state.result = false;
  }
  auto limit = static_cast<double>(int_at(probe_spec, {"timeoutSeconds"}, 1));
  state.parked = outcome.ok && state.result && outcome.seconds < safe_share * limit &&
                 !has_effects(s.c, s.rt.uid);
  if (!state.parked) {
    state.next = next_tick(s, container, probe_spec);
    s.wake(state.next);
  }
  return state.result != before;
}

duration grace_of(const pod_sync& s, const json& probe_spec) {
  if (probe_spec.contains("terminationGracePeriodSeconds")) {
    return seconds_of(probe_spec, "terminationGracePeriodSeconds", 30);
  }
  return s.grace();
}

} // namespace

void reset_probes(container_runtime& container, const json& spec) {
  auto fresh = [&](const char* field, bool result) {
    probe_state state;
    state.result = result;
    state.parked = !spec.contains(field);
    if (!state.parked) state.next = first_time(container, spec[field]);
    return state;
  };
  container.readiness = fresh("readinessProbe", false);
  container.liveness = fresh("livenessProbe", true);
  container.startup = fresh("startupProbe", false);
  container.started = !spec.contains("startupProbe");
  container.ready = container.started && !spec.contains("readinessProbe");
}

bool sync_probes(pod_sync& s, container_runtime& container) {
  const auto& spec = s.spec_of(container);
  if ((container.init && !container.sidecar) || container.ephemeral) return false;
  if (!container.started) {
    const auto& startup = spec["startupProbe"];
    auto& state = container.startup;
    if (tick(s, container, startup, state, "Startup") && state.result) {
      container.started = true;
      container.ready = !spec.contains("readinessProbe");
      return true;
    }
    if (!state.result && state.failures >= int_at(startup, {"failureThreshold"}, 3)) {
      order_stop(s, container, "startup", grace_of(s, startup));
      return true;
    }
    return false;
  }
  if (spec.contains("livenessProbe")) {
    if (tick(s, container, spec["livenessProbe"], container.liveness, "Liveness") &&
        !container.liveness.result) {
      order_stop(s, container, "liveness", grace_of(s, spec["livenessProbe"]));
      return true;
    }
  }
  if (spec.contains("readinessProbe")) {
    tick(s, container, spec["readinessProbe"], container.readiness, "Readiness");
    container.ready = container.readiness.result;
  }
  return false;
}

} // namespace remed::env

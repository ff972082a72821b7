#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/app_log.hpp"
#include "environments/embedded/node/hooks.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/volumes.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr duration sandbox_time = std::chrono::milliseconds{600}; // pause container, CNI
constexpr duration removal_time = std::chrono::milliseconds{400}; // volumes, network, cgroups
constexpr duration exit_time = std::chrono::milliseconds{150};    // of what heeds SIGTERM
constexpr duration least_grace = std::chrono::seconds{2}; // left after a preStop hook took it all
const json no_object = nullptr;

bool sync_sandbox(pod_sync& s) {
  auto& rt = s.rt;
  if (rt.sandbox_up) return false;
  if (rt.sandbox == 0) {
    rt.sandbox = 1;
    rt.sandbox_ready_at = s.c.now() + sandbox_time;
  }
  if (s.c.now() < rt.sandbox_ready_at) {
    s.wake(rt.sandbox_ready_at);
    return false;
  }
  rt.sandbox_up = true;
  rt.ip = at_path(s.pod, {"spec", "hostNetwork"}) == true ? std::string(node_address)
                                                          : s.c.node().allocate_ip();
  return true;
}

std::string killing_text(const container_runtime& container, const std::string& why) {
  if (why == "deleted") return "Stopping container " + container.name;
  if (why == "changed") {
    return "Container " + container.name + " definition changed, will be restarted";
  }
  if (why == "hook") return "FailedPostStartHook";
  return "Container " + container.name + " failed " + why + " probe, will be restarted";
}

/// Stops what still runs. Sidecars go after all others, the last one first. True while any runs.
bool stop_all(pod_sync& s, duration grace) {
  auto& all = s.rt.containers;
  bool others = std::any_of(all.begin(), all.end(),
                            [](const auto& one) { return one.running() && !one.sidecar; });
  bool any = false;
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    if (!at->running()) {
      if (at->phase != container_phase::terminated) at->phase = container_phase::waiting;
      continue;
    }
    if (at->sidecar && (others || any)) {
      any = true;
      continue;
    }
    any = true;
    order_stop(s, *at, "deleted", grace);
  }
  return any;
}

/// The pod was deleted: everything stops at once, then the object goes.
bool sync_termination(pod_sync& s) {
  auto& rt = s.rt;
  bool changed = !rt.terminating;
  rt.terminating = true;
  bool any_runs = stop_all(s, s.grace());
  if (!any_runs && rt.gone_at == vtime{}) {
    rt.gone_at = s.c.now() + (s.grace() == duration{0} ? duration{0} : removal_time);
    changed = true;
  }
  return changed;
}

constexpr duration ask_again = std::chrono::seconds{2};
constexpr double ask_patience_s = 5;

/// Asks what an init container waits for. False: it goes on waiting.
bool answered(pod_sync& s, container_runtime& container) {
  const auto& wanted = *container.awaits;
  auto got = send_request(s.c, &s.pod, wanted.host, wanted.port, wanted.path, ask_patience_s,
                          container.name);
  auto fine = got.what == request_outcome::kind::answered && got.status < 400;
  container.exit_code = fine ? 0 : 1;
  if (fine || !wanted.again) return true;
  container.exits_at = s.c.now() + ask_again;
  s.wake(*container.exits_at);
  return false;
}

/// What ends because of time: programs that finish, orders to stop.
bool sync_ends(pod_sync& s, container_runtime& container) {
  if (!container.running()) return false;
  auto now = s.c.now();
  if (container.stopping && container.stopping->ends_at <= now) {
    auto code = container.stopping->exit_code;
    termination how;
    how.reason = code == 0 ? "Completed" : "Error";
    how.exit_code = code;
    container_ended(s, container, std::move(how));
    return true;
  }
  if (container.exits_at && *container.exits_at <= now) {
    if (container.awaits && !answered(s, container)) return false;
    termination how;
    how.exit_code = container.exit_code;
    how.reason = how.exit_code == 0 ? "Completed" : "Error";
    container_ended(s, container, std::move(how));
    return true;
  }
  if (container.stopping) s.wake(container.stopping->ends_at);
  if (container.exits_at) s.wake(*container.exits_at);
  return false;
}

/// A changed image restarts its container; one container after the other.
bool sync_definition(pod_sync& s, container_runtime& container) {
  const auto& image = text_at(s.spec_of(container), {"image"});
  if (image.empty() || image == container.spec_image) return false;
  if (container.running()) {
    if (container.init || container.stopping) return false;
    order_stop(s, container, "changed", s.grace());
    return true;
  }
  // Whatever was tried with the old image does not count for the new one.
  container.spec_image = container.image = image;
  container.pull_backoff = duration{0};
  container.not_before = {};
  if (container.phase == container_phase::pulling || container.phase == container_phase::creating) {
    container.phase = container_phase::waiting;
  }
  return true;
}

/// The pod's worker does one thing at a time: the next container that needs a start gets it.
bool sync_starts(pod_sync& s) {
  auto& all = s.rt.containers;
  auto now = s.c.now();
  for (const auto& one : all) {
    if (one.running() && one.stopping) return false;
    if (one.running() && one.hook_until > now) return false;
    bool under_way =
        one.phase == container_phase::pulling || one.phase == container_phase::creating;
    if (under_way) return sync_start(s, *s.rt.find(one.name));
  }
  for (auto& container : all) {
    if (container.ephemeral) {
      if (container.instance == 0 && sync_start(s, container)) return true;
      continue;
    }
    if (!container.running() && !(container.init && init_done(container)) &&
        sync_start(s, container)) {
      return true;
    }
    if (container.init && !init_done(container)) return false;
  }
  return false;
}

/// postStart: the container counts as started when it is over; a failed one ends it.
bool sync_hook(pod_sync& s, container_runtime& container) {
  if (container.hook_until == vtime{}) return false;
  if (container.hook_until > s.c.now()) {
    s.wake(container.hook_until);
    return false;
  }
  container.hook_until = {};
  if (!container.hook_failed) return true;
  s.event("Warning", "FailedPostStartHook", "PostStartHook failed", &container);
  order_stop(s, container, "hook", s.grace());
  return true;
}

/// All that was to be done is done, and nothing of it is started again.
bool is_complete(const pod_sync& s) {
  auto policy = text_at(s.pod, {"spec", "restartPolicy"}, "Always");
  if (policy == "Always") return false;
  for (const auto& one : s.rt.containers) {
    if (one.init || one.ephemeral) continue;
    bool over = one.ended && !one.running() && (policy == "Never" || one.ended->exit_code == 0);
    if (!over) return false;
  }
  return true;
}

/// Sidecars of a pod that is done have nobody left to serve.
bool sync_completion(pod_sync& s) {
  bool waits = std::any_of(s.rt.containers.begin(), s.rt.containers.end(), [](const auto& one) {
    return one.sidecar && one.running() && !one.stopping;
  });
  if (waits) stop_all(s, s.grace());
  return waits;
}

bool sync_deadline(pod_sync& s) {
  auto limit = int_at(s.pod, {"spec", "activeDeadlineSeconds"});
  if (limit <= 0 || !s.rt.end_reason.empty()) return false;
  auto at = s.rt.accepted_at + std::chrono::seconds{limit};
  if (at > s.c.now()) {
    s.wake(at);
    return false;
  }
  if (text_at(s.pod, {"status", "phase"}) == "Succeeded" ||
      text_at(s.pod, {"status", "phase"}) == "Failed") {
    return false;
  }
  const std::string text = "Pod was active on the node longer than the specified deadline";
  s.event("Normal", "DeadlineExceeded", text);
  end_pod(s, "DeadlineExceeded", text);
  return true;
}

} // namespace

void pod_sync::event(const std::string& type, const std::string& reason, const std::string& message,
                     const container_runtime* about) {
  auto subject = json::object();
  subject["apiVersion"] = "v1";
  subject["kind"] = "Pod";
  for (const char* field : {"namespace", "name", "uid", "resourceVersion"}) {
    const auto& value = at_path(pod, {"metadata", field});
    if (!value.is_null()) subject["metadata"][field] = value;
  }
  subject["spec"]["nodeName"] = at_path(pod, {"spec", "nodeName"});
  if (about) {
    subject["fieldPath"] = (about->ephemeral ? "spec.ephemeralContainers{"
                            : about->init    ? "spec.initContainers{"
                                             : "spec.containers{") +
                           about->name + "}";
  }
  c.record_event(subject, type, reason, message, "kubelet");
}

bool init_done(const container_runtime& container) {
  if (container.sidecar) return container.running() && container.started;
  return container.phase == container_phase::terminated && container.ended &&
         container.ended->exit_code == 0;
}

void end_pod(pod_sync& s, const std::string& reason, const std::string& message) {
  s.rt.end_reason = reason;
  s.rt.end_message = message;
  stop_all(s, s.grace());
}

const json& container_spec(const json& pod, const std::string& container) {
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const auto& spec : at_path(pod, {"spec", list})) {
      if (text_at(spec, {"name"}) == container) return spec;
    }
  }
  return no_object;
}

const json& pod_sync::spec_of(const container_runtime& container) const {
  return container_spec(pod, container.name);
}

duration pod_sync::grace() const {
  if (rt.end_reason == evicted) return {}; // a hard threshold gives nobody time
  auto seconds = int_at(pod, {"spec", "terminationGracePeriodSeconds"}, 30);
  return std::chrono::seconds{int_at(pod, {"metadata", "deletionGracePeriodSeconds"}, seconds)};
}

std::optional<double> limit_of(const json& container_spec, const char* resource) {
  const auto& value = at_path(container_spec, {"resources", "limits", resource});
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get_ref<const std::string&>()) : std::nullopt;
}

/// What a running container is due: its end, its hook, memory, probes.
static bool sync_running(pod_sync& s, container_runtime& container, bool leaving) {
  if (sync_ends(s, container)) return true;
  if (!container.running()) return false;
  sync_hogs(s, container);
  if (sync_memory(s, container)) return true;
  if (leaving || container.stopping) return false;
  if (sync_hook(s, container)) return true;
  return container.hook_until == vtime{} && sync_probes(s, container);
}

bool sync_lifecycle(pod_sync& s) {
  bool deleted = at_path(s.pod, {"metadata"}).contains("deletionTimestamp");
  if (deleted && sync_termination(s)) return true;
  if (!deleted && sync_deadline(s)) return true;
  bool leaving = deleted || !s.rt.end_reason.empty();
  if (!leaving && (sync_mounts(s) || (s.rt.mounted && sync_sandbox(s)))) return true;
  if (!s.rt.sandbox_up) return false;
  sync_sources(s);
  if (!deleted && leaving) stop_all(s, s.grace());
  bool stopping = false;
  for (auto& container : s.rt.containers) {
    if (sync_running(s, container, leaving)) return true;
    stopping = stopping || (container.running() && container.stopping);
  }
  if (leaving) return false;
  for (auto& container : s.rt.containers) {
    if (!stopping && sync_definition(s, container)) return true;
  }
  return is_complete(s) ? sync_completion(s) : sync_starts(s);
}

/// terminationMessagePolicy FallbackToLogsOnError.
static bool falls_back_to_log(const pod_sync& s, const container_runtime& container,
                              const termination& how) {
  return how.exit_code != 0 && how.message.empty() &&
         text_at(s.spec_of(container), {"terminationMessagePolicy"}) == "FallbackToLogsOnError";
}

/// The last 80 lines, at most 2 KiB.
static void fall_back_to_log(const container_runtime& container, termination& how) {
  constexpr std::size_t lines = 80, bytes = 2048;
  auto from = container.log.size() - std::min(lines, container.log.size());
  for (; from < container.log.size(); ++from) how.message += container.log[from].text + "\n";
  if (how.message.size() > bytes) how.message.erase(0, how.message.size() - bytes);
}

void container_ended(pod_sync& s, container_runtime& container, termination how) {
  const bool quoted = falls_back_to_log(s, container, how);
  // The log of a pod that leaves goes with it: the few who still read it have it written then.
  if (quoted || !s.rt.terminating) bring_log_up_to_date(s.c, s.rt.uid, container.name);
  how.started = container.started_at;
  how.finished = s.c.now();
  how.container_id = container.container_id;
  container.phase = container_phase::terminated;
  if (quoted) fall_back_to_log(container, how);
  container.ended = std::move(how);
  container.reason.clear();
  container.message.clear();
  container.ready = container.started = false;
  container.stopping.reset();
  container.hook_until = {};
  container.exits_at.reset();
  container.processes.clear();
  container.shown_effects.clear();
  end_container_effects(s.c, s.rt, container,
                        s.rt.terminating ? "pod_deleted" : "container_restarted");
}

/// How long a preStop hook keeps the signal back; at most the grace period.
static duration pre_stop(pod_sync& s, const container_runtime& container, duration grace) {
  const auto& handler = at_path(s.spec_of(container), {"lifecycle", "preStop"});
  if (!handler.is_object() || grace <= duration{0}) return {};
  auto outcome = run_hook(s.c, s.pod, container.name, handler, s.images, container.image);
  if (!outcome.ok) {
    s.event("Warning", "FailedPreStopHook", "PreStopHook failed", &container);
  }
  return std::min(outcome.takes, grace);
}

void order_stop(pod_sync& s, container_runtime& container, const std::string& why, duration grace) {
  auto now = s.c.now();
  if (container.stopping) {
    // A second, shorter notice wins; a longer one does not prolong.
    container.stopping->ends_at = std::min(container.stopping->ends_at, now + grace);
    if (why == "deleted") container.stopping->why = why;
  } else {
    s.event("Normal", "Killing", killing_text(container, why), &container);
    auto hook = pre_stop(s, container, grace);
    auto left = hook > duration{0} ? std::max(grace - hook, least_grace) : grace;
    auto ends = now + hook + (container.handles_term ? std::min(left, exit_time) : left);
    bool heeds = container.handles_term && grace > duration{0};
    container.stopping = stop_order{why, ends, heeds ? 143 : 137};
  }
  s.wake(container.stopping->ends_at);
}

} // namespace remed::env

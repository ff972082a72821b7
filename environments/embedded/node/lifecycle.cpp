#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr duration sandbox_time = std::chrono::milliseconds{600}; // pause container, CNI
constexpr duration removal_time = std::chrono::milliseconds{400}; // volumes, network, cgroups
constexpr duration exit_time = std::chrono::milliseconds{150};    // of what heeds SIGTERM
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
  rt.ip = at_path(s.pod, {"spec", "hostNetwork"}) == true ? text_at(s.pod, {"status", "hostIP"})
                                                          : s.c.node().allocate_ip();
  return true;
}

std::string killing_text(const container_runtime& container, const std::string& why) {
  if (why == "deleted") return "Stopping container " + container.name;
  if (why == "changed") {
    return "Container " + container.name + " definition changed, will be restarted";
  }
  return "Container " + container.name + " failed " + why + " probe, will be restarted";
}

/// The pod was deleted: everything stops at once, then the object goes.
bool sync_termination(pod_sync& s) {
  auto& rt = s.rt;
  bool changed = !rt.terminating;
  rt.terminating = true;
  for (auto& container : rt.containers) {
    if (container.running()) {
      order_stop(s, container, "deleted", s.grace());
    } else if (container.phase != container_phase::terminated) {
      container.phase = container_phase::waiting;
    }
  }
  bool any_runs = std::any_of(rt.containers.begin(), rt.containers.end(),
                              [](const auto& container) { return container.running(); });
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

bool init_done(const container_runtime& container) {
  return container.phase == container_phase::terminated && container.ended &&
         container.ended->exit_code == 0;
}

/// The pod's worker does one thing at a time: the next container that needs a start gets it.
bool sync_starts(pod_sync& s) {
  auto& all = s.rt.containers;
  bool busy = std::any_of(all.begin(), all.end(),
                          [](const auto& one) { return one.running() && one.stopping; });
  if (busy) return false;
  for (auto& container : all) {
    if (container.phase == container_phase::pulling ||
        container.phase == container_phase::creating) {
      return sync_start(s, container);
    }
  }
  for (auto& container : all) {
    if (container.init) {
      if (init_done(container)) continue;
      return !container.running() && sync_start(s, container);
    }
    if (!container.running() && sync_start(s, container)) return true;
  }
  return false;
}

} // namespace

void pod_sync::event(const std::string& type, const std::string& reason, const std::string& message,
                     const container_runtime* about) {
  auto subject = json::object();
  subject["apiVersion"] = "v1";
  subject["kind"] = "Pod";
  subject["metadata"] = at_path(pod, {"metadata"});
  subject["spec"]["nodeName"] = at_path(pod, {"spec", "nodeName"});
  if (about) {
    subject["fieldPath"] =
        (about->init ? "spec.initContainers{" : "spec.containers{") + about->name + "}";
  }
  c.record_event(subject, type, reason, message, "kubelet");
}

const json& container_spec(const json& pod, const std::string& container) {
  for (const char* list : {"containers", "initContainers"}) {
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
  auto seconds = int_at(pod, {"spec", "terminationGracePeriodSeconds"}, 30);
  return std::chrono::seconds{int_at(pod, {"metadata", "deletionGracePeriodSeconds"}, seconds)};
}

std::optional<double> limit_of(const json& container_spec, const char* resource) {
  const auto& value = at_path(container_spec, {"resources", "limits", resource});
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get_ref<const std::string&>()) : std::nullopt;
}

bool sync_lifecycle(pod_sync& s) {
  bool leaving = at_path(s.pod, {"metadata"}).contains("deletionTimestamp");
  if (leaving && sync_termination(s)) return true;
  if (!leaving && sync_sandbox(s)) return true;
  if (!s.rt.sandbox_up) return false;
  bool stopping = false;
  for (auto& container : s.rt.containers) {
    if (sync_ends(s, container)) return true;
    if (container.running()) {
      sync_hogs(s, container);
      if (sync_memory(s, container)) return true;
      if (!leaving && !container.stopping && sync_probes(s, container)) return true;
    }
    stopping = stopping || (container.running() && container.stopping);
  }
  if (leaving) return false;
  for (auto& container : s.rt.containers) {
    if (!stopping && sync_definition(s, container)) return true;
  }
  return sync_starts(s);
}

void container_ended(pod_sync& s, container_runtime& container, termination how) {
  how.started = container.started_at;
  how.finished = s.c.now();
  how.container_id = container.container_id;
  container.phase = container_phase::terminated;
  container.ended = std::move(how);
  container.reason.clear();
  container.message.clear();
  container.ready = container.started = false;
  container.stopping.reset();
  container.exits_at.reset();
  container.processes.clear();
  container.shown_effects.clear();
  end_container_effects(s.c, s.rt, container,
                        s.rt.terminating ? "pod_deleted" : "container_restarted");
}

void order_stop(pod_sync& s, container_runtime& container, const std::string& why, duration grace) {
  auto now = s.c.now();
  auto ends = now + (container.handles_term ? std::min(grace, exit_time) : grace);
  if (container.stopping) {
    // A second, shorter notice wins; a longer one does not prolong.
    container.stopping->ends_at = std::min(container.stopping->ends_at, ends);
    if (why == "deleted") container.stopping->why = why;
  } else {
    bool heeds = container.handles_term && grace > duration{0};
    container.stopping = stop_order{why, ends, heeds ? 143 : 137};
    s.event("Normal", "Killing", killing_text(container, why), &container);
  }
  s.wake(container.stopping->ends_at);
}

} // namespace remed::env

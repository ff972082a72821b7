// What the kubelet says about a pod.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/node/pod_sync.hpp"

#include <algorithm>

namespace remed::env {

namespace {

json terminated_state(const termination& t) {
  auto out = json::object();
  out["exitCode"] = t.exit_code;
  out["reason"] = t.reason;
  if (!t.message.empty()) out["message"] = t.message;
  out["startedAt"] = t.started == vtime{} ? "1970-01-01T00:00:00Z" : rfc3339(t.started);
  out["finishedAt"] = rfc3339(t.finished);
  if (!t.container_id.empty()) out["containerID"] = t.container_id;
  return out;
}

json waiting_state(const container_runtime& container) {
  auto out = json::object();
  out["reason"] = container.reason.empty() ? "ContainerCreating" : container.reason;
  if (!container.message.empty()) out["message"] = container.message;
  return out;
}

/// state and lastState.
void add_states(const container_runtime& container, json& out) {
  out["state"] = json::object();
  out["lastState"] = json::object();
  const termination* last = container.last ? &*container.last : nullptr;
  if (container.running() && container.hook_until == vtime{}) {
    out["state"]["running"]["startedAt"] = rfc3339(container.started_at);
  } else if (container.ended && container.reason.empty()) {
    out["state"]["terminated"] = terminated_state(*container.ended);
  } else {
    out["state"]["waiting"] = waiting_state(container);
    if (container.ended) last = &*container.ended;
  }
  if (last) out["lastState"]["terminated"] = terminated_state(*last);
}

json mounts_of(const json& spec) {
  auto out = json::array();
  for (const auto& mount : at_path(spec, {"volumeMounts"})) {
    auto one = json::object();
    one["mountPath"] = mount.value("mountPath", "");
    one["name"] = mount.value("name", "");
    if (mount.value("readOnly", false)) {
      one["readOnly"] = true;
      one["recursiveReadOnly"] = "Disabled";
    }
    out.push_back(std::move(one));
  }
  return out;
}

json container_status(const json& pod, const container_runtime& container) {
  auto out = json::object();
  out["name"] = container.name;
  add_states(container, out);
  bool once = container.init && !container.sidecar;
  bool done = once && container.ended && container.ended->exit_code == 0;
  bool up = container.running() && container.hook_until == vtime{};
  out["ready"] = once ? done : container.ready && up && !container.ephemeral;
  out["started"] = up && container.started && !container.ephemeral;
  out["restartCount"] = container.restarts;
  out["image"] = container.image;
  out["imageID"] = container.image_id;
  if (!container.container_id.empty()) out["containerID"] = container.container_id;
  auto mounts = mounts_of(container_spec(pod, container.name));
  if (!mounts.empty()) out["volumeMounts"] = std::move(mounts);
  return out;
}

std::string phase_of(const json& pod, const pod_runtime& rt) {
  auto policy = text_at(pod, {"spec", "restartPolicy"}, "Always");
  bool any_running = false, any_never = false, any_again = false, all_ok = true;
  for (const auto& container : rt.containers) {
    if (container.ephemeral) continue;
    if (container.sidecar) {
      // One that never started keeps the pod from starting; later it does not count.
      if (container.instance == 0 && !rt.terminating) return "Pending";
      continue;
    }
    if (container.init) {
      bool done = container.ended && container.ended->exit_code == 0;
      bool failed = container.ended && !done && policy == "Never";
      if (failed) return "Failed";
      if (!done && !rt.terminating) return "Pending";
      continue;
    }
    if (container.running())
      any_running = true;
    else if (container.instance == 0)
      any_never = true;
    else if (policy == "Always" ||
             (policy == "OnFailure" && container.ended && container.ended->exit_code != 0)) {
      any_again = true;
    }
    if (!container.ended || container.ended->exit_code != 0) all_ok = false;
  }
  if (rt.terminating && !any_running && !any_never) return all_ok ? "Succeeded" : "Failed";
  if (any_never) return any_running || any_again ? "Running" : "Pending";
  if (any_running || any_again) return "Running";
  return all_ok ? "Succeeded" : "Failed";
}

struct condition {
  std::string type, reason, message;
  bool status = true;
};

std::string list_of(const std::vector<std::string>& names) {
  return "[" + join(names, " ") + "]";
}

/// "Ready" needs the gates too.
condition ready_condition(const json& pod, condition containers_ready) {
  containers_ready.type = "Ready";
  if (!containers_ready.status) return containers_ready;
  for (const auto& gate : at_path(pod, {"spec", "readinessGates"})) {
    auto type = text_at(gate, {"conditionType"});
    std::string answer = "absent";
    for (const auto& one : at_path(pod, {"status", "conditions"})) {
      if (text_at(one, {"type"}) == type) answer = text_at(one, {"status"});
    }
    if (answer == "True") continue;
    auto text =
        answer == "absent"
            ? "corresponding condition of pod readiness gate \"" + type + "\" does not exist."
            : "the status of pod readiness gate \"" + type + "\" is not \"True\", but " + answer;
    return {"Ready", "ReadinessGatesNotReady", text, false};
  }
  return containers_ready;
}

std::vector<condition> conditions_of(const json& pod, const pod_runtime& rt,
                                     const std::string& phase) {
  std::vector<std::string> uninitialized, unready;
  for (const auto& container : rt.containers) {
    if (container.ephemeral) continue;
    bool up = container.ready && container.running() && container.hook_until == vtime{};
    if (container.init && !init_done(container)) uninitialized.push_back(container.name);
    if ((!container.init || container.sidecar) && !up) unready.push_back(container.name);
  }
  condition sandbox{"PodReadyToStartContainers", "", "", rt.sandbox_up && rt.gone_at == vtime{}};
  condition initialized{"Initialized", "", "", uninitialized.empty()};
  if (!initialized.status) {
    initialized.reason = "ContainersNotInitialized";
    initialized.message = "containers with incomplete status: " + list_of(uninitialized);
  }
  condition containers{"ContainersReady", "", "", unready.empty()};
  if (phase == "Succeeded") {
    containers = {"ContainersReady", "PodCompleted", "", false};
    initialized.reason = "PodCompleted";
  } else if (phase == "Failed") {
    containers = {"ContainersReady", "PodFailed", "", false};
  } else if (!unready.empty()) {
    containers.reason = "ContainersNotReady";
    containers.message = "containers with unready status: " + list_of(unready);
  }
  std::vector<condition> out{sandbox, initialized, ready_condition(pod, containers), containers};
  if (rt.end_reason == evicted) {
    out.push_back({"DisruptionTarget", "TerminationByKubelet", rt.end_message, true});
  }
  return out;
}

/// Whether it is that text; no text is as good as an empty one.
bool is_text(const json& value, std::string_view text) {
  const auto* own = value.get_ptr<const std::string*>();
  return own ? *own == text : text.empty();
}

/// How many members a condition is written with.
std::size_t written_members(const condition& of) {
  return 4U + (of.reason.empty() ? 0U : 1U) + (of.message.empty() ? 0U : 1U);
}

json with_times(const cluster& c, const json& pod, const std::vector<condition>& wanted) {
  auto out = json::array();
  const auto& old = at_path(pod, {"status", "conditions"});
  auto before = [&](const std::string& type) -> const json* {
    for (const auto& one : old) {
      if (is_text(at_path(one, {"type"}), type)) return &one;
    }
    return nullptr;
  };
  for (const auto& want : wanted) {
    const std::string status = want.status ? "True" : "False";
    const auto* was = before(want.type);
    const bool same = was && is_text(at_path(*was, {"status"}), status);
    if (same && was->size() == written_members(want) && was->contains("lastTransitionTime") &&
        was->value("lastProbeTime", json(0)).is_null() &&
        is_text(at_path(*was, {"reason"}), want.reason) &&
        is_text(at_path(*was, {"message"}), want.message)) {
      out.push_back(*was); // mostly nothing is new
      continue;
    }
    auto one = json::object();
    one["type"] = want.type;
    one["status"] = status;
    one["lastProbeTime"] = nullptr;
    one["lastTransitionTime"] = same ? (*was)["lastTransitionTime"] : json(rfc3339(c.now()));
    if (!want.reason.empty()) one["reason"] = want.reason;
    if (!want.message.empty()) one["message"] = want.message;
    out.push_back(std::move(one));
  }
  // Conditions of others (the scheduler's, readiness gates) are kept.
  for (const auto& one : old) {
    auto type = text_at(one, {"type"});
    bool ours = std::any_of(wanted.begin(), wanted.end(),
                            [&](const auto& want) { return want.type == type; });
    if (!ours) out.push_back(one);
  }
  return out;
}

} // namespace

json pod_status(const cluster& c, const json& pod, const pod_runtime& rt) {
  auto out = json::object();
  const auto& before = at_path(pod, {"status"});
  if (before.is_object()) {
    auto& all = out.get_ref<json::object_t&>();
    for (const auto& [name, value] : before.get_ref<const json::object_t&>()) {
      // What is told anew below is not copied first.
      if (name != "conditions" && name != "containerStatuses")
        all.emplace_hint(all.end(), name, value);
    }
  }
  auto phase = phase_of(pod, rt);
  if (!rt.end_reason.empty()) {
    phase = "Failed";
    out["reason"] = rt.end_reason;
    out["message"] = rt.end_message;
  }
  out["phase"] = phase;
  out["conditions"] = with_times(c, pod, conditions_of(pod, rt, phase));
  out["hostIP"] = node_address;
  out["hostIPs"] = json::array({json{{"ip", node_address}}});
  out["startTime"] = rfc3339(rt.accepted_at);
  if (!rt.ip.empty()) {
    out["podIP"] = rt.ip;
    out["podIPs"] = json::array({json{{"ip", rt.ip}}});
  }
  auto init = json::array(), main = json::array(), debug = json::array();
  std::vector<const container_runtime*> by_name;
  for (const auto& container : rt.containers) {
    if (container.init)
      init.push_back(container_status(pod, container));
    else if (container.ephemeral)
      debug.push_back(container_status(pod, container));
    else
      by_name.push_back(&container);
  }
  std::sort(by_name.begin(), by_name.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const auto* container : by_name) main.push_back(container_status(pod, *container));
  if (!init.empty()) out["initContainerStatuses"] = std::move(init);
  out["containerStatuses"] = std::move(main);
  if (!debug.empty()) out["ephemeralContainerStatuses"] = std::move(debug);
  return out;
}

} // namespace remed::env

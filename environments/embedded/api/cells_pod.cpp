#include "environments/embedded/api/cells_pod.hpp"

#include "environments/embedded/api/table.hpp"
#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

/// Init containers that go on running are shown among the others.
bool is_sidecar(const json& pod, const json& status) {
  for (const auto& one : at_path(pod, {"spec", "initContainers"})) {
    if (text_at(one, {"name"}) == text_at(status, {"name"}))
      return text_at(one, {"restartPolicy"}) == "Always";
  }
  return false;
}

struct pod_summary {
  std::string reason;
  std::int64_t restarts = 0;
  std::int64_t ready = 0;
  std::optional<vtime> last_restart;
};

bool has_condition(const json& pod, const std::string& type) {
  for (const auto& c : at_path(pod, {"status", "conditions"})) {
    if (text_at(c, {"type"}) == type && text_at(c, {"status"}) == "True") return true;
  }
  return false;
}

std::string end_of(const json& terminated) {
  if (auto reason = text_at(terminated, {"reason"}); !reason.empty()) return reason;
  if (auto signal = int_at(terminated, {"signal"}); signal != 0)
    return "Signal:" + std::to_string(signal);
  return "ExitCode:" + std::to_string(int_at(terminated, {"exitCode"}));
}

void note_restart(const json& status, pod_summary& out) {
  out.restarts += int_at(status, {"restartCount"});
  auto finished = parse_time(text_at(status, {"lastState", "terminated", "finishedAt"}));
  if (finished && (!out.last_restart || *out.last_restart < *finished)) out.last_restart = finished;
}

/// True while init containers decide what is shown.
bool summarize_init(const json& pod, pod_summary& out) {
  const auto& all = at_path(pod, {"status", "initContainerStatuses"});
  for (std::size_t i = 0; i < all.size(); ++i) {
    note_restart(all[i], out);
    const auto& ended = at_path(all[i], {"state", "terminated"});
    const auto& waiting = at_path(all[i], {"state", "waiting"});
    if (is_sidecar(pod, all[i])) {
      if (all[i].value("ready", false)) ++out.ready;
      if (all[i].value("started", false)) continue;
    }
    if (ended.is_object() && int_at(ended, {"exitCode"}) == 0) continue;
    auto why = text_at(waiting, {"reason"});
    if (ended.is_object())
      out.reason = "Init:" + end_of(ended);
    else if (!why.empty() && why != "PodInitializing")
      out.reason = "Init:" + why;
    else
      out.reason = "Init:" + std::to_string(i) + "/" +
                   std::to_string(at_path(pod, {"spec", "initContainers"}).size());
    return true;
  }
  return false;
}

std::int64_t sidecar_restarts(const json& pod) {
  std::int64_t out = 0;
  for (const auto& status : at_path(pod, {"status", "initContainerStatuses"})) {
    if (is_sidecar(pod, status)) out += int_at(status, {"restartCount"});
  }
  return out;
}

std::size_t shown_containers(const json& pod) {
  auto out = at_path(pod, {"spec", "containers"}).size();
  for (const auto& one : at_path(pod, {"spec", "initContainers"})) {
    if (text_at(one, {"restartPolicy"}) == "Always") ++out;
  }
  return out;
}

void summarize_containers(const json& pod, pod_summary& out) {
  const auto& all = at_path(pod, {"status", "containerStatuses"});
  bool running = false;
  out.restarts = sidecar_restarts(pod);
  for (auto i = all.size(); i-- > 0;) {
    const auto& s = all[i];
    note_restart(s, out);
    const auto& ended = at_path(s, {"state", "terminated"});
    auto waiting = text_at(s, {"state", "waiting", "reason"});
    if (!waiting.empty()) {
      out.reason = waiting;
    } else if (ended.is_object()) {
      out.reason = end_of(ended);
    } else if (s.value("ready", false) && at_path(s, {"state", "running"}).is_object()) {
      running = true;
      ++out.ready;
    }
  }
  if (out.reason == "Completed" && running) {
    out.reason = has_condition(pod, "Ready") ? "Running" : "NotReady";
  }
}

pod_summary summarize(const json& pod) {
  pod_summary out;
  out.reason = text_at(pod, {"status", "phase"});
  if (auto reason = text_at(pod, {"status", "reason"}); !reason.empty()) out.reason = reason;
  for (const auto& c : at_path(pod, {"status", "conditions"})) {
    if (text_at(c, {"type"}) == "PodScheduled" && text_at(c, {"reason"}) == "SchedulingGated") {
      out.reason = "SchedulingGated";
    }
  }
  if (!summarize_init(pod, out) || has_condition(pod, "Initialized"))
    summarize_containers(pod, out);
  if (at_path(pod, {"metadata"}).contains("deletionTimestamp")) {
    out.reason = text_at(pod, {"status", "reason"}) == "NodeLost" ? "Unknown" : "Terminating";
  }
  return out;
}

std::string or_none(std::string text) {
  return text.empty() ? "<none>" : text;
}

} // namespace

json pod_cells(const json& pod, ages& now) {
  auto s = summarize(pod);
  auto restarts = json(std::to_string(s.restarts));
  if (s.restarts != 0 && s.last_restart) {
    restarts = now.since(*s.last_restart, std::to_string(s.restarts) + " (", " ago)");
  }
  return json::array(
      {text_at(pod, {"metadata", "name"}),
       std::to_string(s.ready) + "/" + std::to_string(shown_containers(pod)), s.reason,
       std::move(restarts), now.since(at_path(pod, {"metadata", "creationTimestamp"})),
       or_none(text_at(pod, {"status", "podIP"})), or_none(text_at(pod, {"spec", "nodeName"})),
       or_none(text_at(pod, {"status", "nominatedNodeName"})), "<none>"});
}

} // namespace remed::env

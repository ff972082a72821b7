// How a container gets to run: image, creation, start, and the patience between attempts.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/environment.hpp"
#include "environments/embedded/node/hooks.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/program.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <cstdio>
#include <variant>

namespace remed::env {

namespace {

constexpr duration first_backoff = std::chrono::seconds{10};
constexpr duration longest_backoff = std::chrono::seconds{300};
constexpr duration notice_time = std::chrono::seconds{1}; // until an exit is seen (PLEG)
constexpr duration creation_time = std::chrono::milliseconds{150};
constexpr duration refusal_time = std::chrono::milliseconds{1200}; // a registry's "not found"
constexpr duration check_time = std::chrono::milliseconds{600};    // "still the newest"
constexpr duration config_retry = std::chrono::seconds{10};

std::string pod_text(const pod_sync& s) {
  return s.rt.name + "_" + s.rt.ns + "(" + s.rt.uid + ")";
}

std::string hex_id(random_source& random) {
  std::string out;
  for (int i = 0; i < 4; ++i) {
    char part[17];
    std::snprintf(part, sizeof part, "%016llx", static_cast<unsigned long long>(random.next()));
    out += part;
  }
  return out;
}

bool restart_wanted(const pod_sync& s, const container_runtime& container) {
  if (container.instance == 0 || !container.ended) return true;
  if (container.sidecar) return true;
  auto policy = text_at(s.pod, {"spec", "restartPolicy"}, "Always");
  if (container.init) return policy != "Never" && container.ended->exit_code != 0;
  if (policy == "Always") return true;
  return policy == "OnFailure" && container.ended->exit_code != 0;
}

/// Not yet: the back-off after earlier ends is running. Sets what the status shows meanwhile.
bool backing_off(pod_sync& s, container_runtime& container) {
  if (!container.ended) return false;
  auto now = s.c.now();
  auto finished = container.ended->finished;
  if (finished - container.backoff_at > 2 * longest_backoff) container.backoff = duration{0};
  auto until = finished + std::max(container.backoff, notice_time);
  if (now >= until) return false;
  s.wake(until);
  if (container.backoff == duration{0} || now < finished + notice_time) {
    s.wake(finished + notice_time);
    return true;
  }
  if (container.reason != "CrashLoopBackOff") {
    container.reason = "CrashLoopBackOff";
    container.message = "back-off " + human_backoff(container.backoff) +
                        " restarting failed container=" + container.name + " pod=" + pod_text(s);
    s.event("Warning", "BackOff",
            "Back-off restarting failed container " + container.name + " in pod " + pod_text(s),
            &container);
  }
  return true;
}

void raise_backoff(pod_sync& s, container_runtime& container) {
  if (!container.ended) return;
  container.backoff = container.backoff == duration{0}
                          ? first_backoff
                          : std::min(2 * container.backoff, longest_backoff);
  container.backoff_at = s.c.now();
}

void begin_creation(pod_sync& s, container_runtime& container) {
  container.phase = container_phase::creating;
  container.due = s.c.now() + creation_time;
  s.wake(container.due);
}

std::string pull_policy(const json& spec, const std::string& image) {
  auto given = text_at(spec, {"imagePullPolicy"});
  if (!given.empty()) return given;
  auto colon = image.rfind(':');
  bool tagged = colon != std::string::npos && image.find('/', colon) == std::string::npos;
  return !tagged || image.substr(colon) == ":latest" ? "Always" : "IfNotPresent";
}

void wait_because(container_runtime& container, std::string reason, std::string message) {
  container.phase = container.ended ? container_phase::terminated : container_phase::waiting;
  container.reason = std::move(reason);
  container.message = std::move(message);
}

void check_pull_secrets(pod_sync& s) {
  std::vector<std::string> missing;
  for (const auto& one : at_path(s.pod, {"spec", "imagePullSecrets"})) {
    auto name = text_at(one, {"name"});
    if (!s.c.objects().get("secrets", {s.rt.ns, name})) missing.push_back(name);
  }
  if (missing.empty()) return;
  s.event("Warning", "FailedToRetrieveImagePullSecret",
          "Unable to retrieve some image pull secrets (" + join(missing, ", ") +
              "); attempting to pull the image may not succeed.");
}

/// First thing of each attempt: is the image here, or on its way, or not to be had?
bool begin_pull(pod_sync& s, container_runtime& container) {
  auto now = s.c.now();
  auto found = s.images.look_up(s.c, container.image);
  if (const auto* problem = std::get_if<image_problem>(&found);
      problem && problem->reason == "InvalidImageName") {
    if (container.reason == problem->reason) return false;
    wait_because(container, problem->reason, problem->message);
    s.event("Warning", "InspectFailed", problem->message, &container);
    s.event("Warning", "Failed", "Error: InvalidImageName", &container);
    return true;
  }
  const auto* facts = std::get_if<image_facts>(&found);
  bool here = facts && s.c.node().has_image(facts->reference);
  auto policy = pull_policy(s.spec_of(container), container.image);
  if (policy == "Never" && !here) {
    if (container.reason == "ErrImageNeverPull") return false;
    auto text =
        "Container image \"" + container.image + "\" is not present with pull policy of Never";
    wait_because(container, "ErrImageNeverPull", text);
    s.event("Warning", "ErrImageNeverPull", text, &container);
    s.event("Warning", "Failed", "Error: ErrImageNeverPull", &container);
    return true;
  }
  raise_backoff(s, container);
  if (here && policy != "Always") {
    container.image_id = facts->id;
    s.event("Normal", "Pulled",
            "Container image \"" + container.image + "\" already present on machine", &container);
    begin_creation(s, container);
    return true;
  }
  check_pull_secrets(s);
  s.event("Normal", "Pulling", "Pulling image \"" + container.image + "\"", &container);
  container.phase = container_phase::pulling;
  container.due = now + (!facts ? refusal_time : here ? check_time : facts->pull);
  s.wake(container.due);
  return true;
}

void pull_failed(pod_sync& s, container_runtime& container, const image_problem& problem) {
  s.event("Warning", "Failed",
          "Failed to pull image \"" + container.image + "\": " + problem.message, &container);
  s.event("Warning", "Failed", "Error: " + problem.reason, &container);
  wait_because(container, problem.reason, problem.message);
  container.pull_backoff = container.pull_backoff == duration{0}
                               ? first_backoff
                               : std::min(2 * container.pull_backoff, longest_backoff);
  container.not_before = s.c.now() + container.pull_backoff;
  container.due = s.c.now() + 2 * notice_time;
}

void finish_pull(pod_sync& s, container_runtime& container) {
  auto found = s.images.look_up(s.c, container.image);
  if (const auto* problem = std::get_if<image_problem>(&found)) {
    pull_failed(s, container, *problem);
    return;
  }
  const auto& facts = std::get<image_facts>(found);
  auto took = s.c.node().has_image(facts.reference) ? check_time : facts.pull;
  char seconds_text[32];
  std::snprintf(seconds_text, sizeof seconds_text, "%.4gs", seconds(took));
  s.event("Normal", "Pulled",
          "Successfully pulled image \"" + container.image + "\" in " + seconds_text + " (" +
              seconds_text + " including waiting). Image size: " +
              std::to_string(static_cast<long long>(facts.bytes)) + " bytes.",
          &container);
  s.c.node().add_image(facts.reference);
  container.image_id = facts.id;
  container.pull_backoff = duration{0};
  begin_creation(s, container);
}

/// Root where the pod said that nobody is root.
std::string root_problem(const pod_sync& s, const container_runtime& container) {
  const auto& own = at_path(s.spec_of(container), {"securityContext"});
  const auto& pods = at_path(s.pod, {"spec", "securityContext"});
  auto effective = [&](const char* field) -> const json& {
    const auto& value = at_path(own, {field});
    return value.is_null() ? at_path(pods, {field}) : value;
  };
  if (effective("runAsNonRoot") != true) return {};
  auto who = " (pod: \"" + pod_text(s) + "\", container: " + container.name + ")";
  const auto& user = effective("runAsUser");
  if (user.is_null()) return "container has runAsNonRoot and image will run as root" + who;
  return user == 0 ? "container's runAsUser breaks non-root policy" + who : std::string{};
}

void start_failed(pod_sync& s, container_runtime& container, const std::string& executable) {
  auto text =
      "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
      "runc create failed: unable to start container process: exec: \"" +
      executable + "\": " +
      (executable.find('/') == std::string::npos
           ? "executable file not found in $PATH"
           : "stat " + executable + ": no such file or directory") +
      ": unknown";
  s.event("Warning", "Failed", "Error: " + text, &container);
  termination how;
  how.reason = "StartError";
  how.message = text;
  how.exit_code = 128;
  container.started_at = {};
  container_ended(s, container, std::move(how));
  container.reason = "RunContainerError";
  container.message = text;
}

void run(pod_sync& s, container_runtime& container, const program& what) {
  auto now = s.c.now();
  container.phase = container_phase::running;
  container.reason.clear();
  container.message.clear();
  container.started_at = now;
  container.processes = what.processes;
  auto user = at_path(s.spec_of(container), {"securityContext", "runAsUser"});
  if (user.is_null()) user = at_path(s.pod, {"spec", "securityContext", "runAsUser"});
  for (auto& process : container.processes) {
    process.started = now;
    if (user.is_number() && user != 0) process.user = std::to_string(user.get<long>());
    container.next_pid = process.pid + 1;
  }
  container.handles_term = what.handles_term;
  container.serves = what.serves;
  container.own_port = what.port;
  container.interactive = what.interactive;
  container.log_count = 0;
  container.said_until = {};
  container.files.clear();
  container.exit_code = what.exit_code;
  if (container.init) container.awaits = awaited_by(s.spec_of(container));
  if (container.awaits) {
    container.exits_at = now + std::chrono::milliseconds{200};
    s.wake(*container.exits_at);
  } else if (what.ends_after) {
    container.exits_at = now + std::max(*what.ends_after, duration{std::chrono::milliseconds{20}});
    s.wake(*container.exits_at);
  }
  auto start = from_seconds(start_seconds(s.c, s.pod, container.name));
  container.serving_at = now + start;
  reset_probes(container, s.spec_of(container));
  // Whoever depends on the container should look when it has started up.
  if (start > duration{0}) s.wake(container.serving_at);
}

/// The container's spec with the values of its environment in place of their references.
json with_values(const pod_sync& s, const container_runtime& container) {
  auto out = s.spec_of(container);
  auto env = json::array();
  for (auto& [name, value] : resolve_environment(s.c, s.pod, s.spec_of(container))) {
    env.push_back({{"name", name}, {"value", value}});
  }
  if (!env.empty()) out["env"] = std::move(env);
  return out;
}

/// postStart begins with the container; nothing else of the pod goes on before it is over.
void begin_hook(pod_sync& s, container_runtime& container) {
  container.hook_until = {};
  const auto& handler = at_path(s.spec_of(container), {"lifecycle", "postStart"});
  if (!handler.is_object()) return;
  auto outcome = run_hook(s.c, s.pod, container.name, handler, s.images, container.image);
  container.hook_failed = !outcome.ok;
  container.hook_until =
      s.c.now() + std::max<duration>(outcome.takes, std::chrono::milliseconds{1});
  s.wake(container.hook_until);
}

void finish_creation(pod_sync& s, container_runtime& container) {
  auto missing = root_problem(s, container);
  if (missing.empty()) missing = missing_source(s.c, s.pod, s.spec_of(container));
  if (!missing.empty()) {
    wait_because(container, "CreateContainerConfigError", missing);
    s.event("Warning", "Failed", "Error: " + missing, &container);
    container.not_before = s.c.now() + config_retry;
    return;
  }
  if (container.ended) {
    container.last = std::move(container.ended);
    container.ended.reset();
  }
  ++container.instance;
  if (container.instance > 1) ++container.restarts;
  container.previous_log = std::move(container.log);
  container.log.clear();
  container.container_id = "containerd://" + hex_id(s.c.random());
  s.event("Normal", "Created", "Created container " + container.name, &container);
  auto found = s.images.look_up(s.c, container.image);
  auto what = read_program(with_values(s, container), std::get<image_facts>(found));
  if (!what.missing.empty()) {
    start_failed(s, container, what.missing);
    return;
  }
  run(s, container, what);
  s.event("Normal", "Started", "Started container " + container.name, &container);
  begin_hook(s, container);
}

/// After a failed pull the state says so, and a moment later that it waits.
bool waiting_for_pull(pod_sync& s, container_runtime& container) {
  if (container.not_before <= s.c.now()) return false;
  s.wake(container.not_before);
  if (container.reason != "ErrImagePull") return true;
  if (container.due > s.c.now()) {
    s.wake(container.due);
    return true;
  }
  container.reason = "ImagePullBackOff";
  container.message = "Back-off pulling image \"" + container.image + "\"";
  s.event("Normal", "BackOff", container.message, &container);
  s.event("Warning", "Failed", "Error: ImagePullBackOff", &container);
  return true;
}

} // namespace

std::string human_backoff(duration d) {
  auto total = static_cast<long>(seconds(d));
  if (total < 60) return std::to_string(total) + "s";
  return std::to_string(total / 60) + "m" + std::to_string(total % 60) + "s";
}

bool sync_start(pod_sync& s, container_runtime& container) {
  bool pulling = container.phase == container_phase::pulling;
  if (pulling || container.phase == container_phase::creating) {
    if (container.due > s.c.now()) {
      s.wake(container.due);
      return false;
    }
    if (pulling)
      finish_pull(s, container);
    else
      finish_creation(s, container);
    return true;
  }
  if (!restart_wanted(s, container)) return false;
  if (waiting_for_pull(s, container) || backing_off(s, container)) return false;
  return begin_pull(s, container);
}

} // namespace remed::env

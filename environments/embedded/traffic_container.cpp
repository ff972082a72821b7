// What surrounds one container: limits, effects, and what it uses under them.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/network_policies.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/embedded/traffic_effects.hpp"
#include "environments/embedded/traffic_pods.hpp"
#include "environments/systems/calls.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

constexpr double mebi = 1024.0 * 1024.0;
/// A small helper container, and the pause program.
constexpr double helper_bytes = 1.1 * mebi, pause_bytes = 0.3 * mebi;

bool is_pause(std::string_view image) {
  if (image.find("pause") == image.npos) return false;
  auto base = image.substr(0, image.find('@'));
  auto slash = base.rfind('/');
  if (slash != std::string::npos) base = base.substr(slash + 1);
  return base.substr(0, base.find(':')) == "pause";
}

double cores_of_node(const cluster& c) {
  for (const auto& node : c.objects().list("nodes")) {
    const auto& n = facts_of(node).cores;
    if (n && *n > 0) return *n;
  }
  return 8;
}

bool is_serving(const cluster& c, const container_runtime& runs) {
  return runs.running() && runs.serving_at <= c.now();
}

/// The hog's processes were started in the container: from then on they are the truth.
bool in_table(const container_runtime* runs, std::uint64_t id) {
  if (!runs) return false;
  return std::any_of(runs->processes.begin(), runs->processes.end(),
                     [&](const process_info& p) { return p.effect == id; });
}

/// Threads of a CPU hog that are still there: single ones can be killed.
double hog_threads(const container_runtime* runs, std::uint64_t id, const effect& e) {
  double wanted = e.params.value("workers", 1);
  if (!in_table(runs, id)) return wanted;
  double alive = 0;
  for (const auto& p : runs->processes) {
    if (p.effect == id && p.comm == "stress-ng-cpu") alive += 1;
  }
  return alive;
}

/// What stress on a JVM's memory asks of it: a heap kept full has its collectors run all the time;
/// a stack is filled by one thread that calls itself.
double collectors_of(const effect& e) {
  const auto type = e.params.value("memType", "");
  return type == "heap" ? 2 : type == "stack" ? 1 : 0;
}

/// A heap kept full is as large as it may be: half of what a JVM holds at rest is room in it.
double jvm_growth(const effect& e, double at_rest) {
  const auto type = e.params.value("memType", "");
  return type == "heap" ? at_rest / 2 : type == "stack" ? mebi : 0;
}

double hog_bytes(const container_runtime* runs, std::uint64_t id, const effect& e) {
  if (!in_table(runs, id)) return e.params.value("bytes", 0.0);
  double held = 0;
  for (const auto& p : runs->processes) {
    if (p.effect == id) held += p.rss_bytes;
  }
  return held;
}

const service_profile* profile_behind(const cluster& c, const known_pod& pod,
                                      std::string_view container) {
  auto app = c.traffic().apps.find(std::string(pod->ns));
  if (app == c.traffic().apps.end()) return nullptr;
  const auto& system = app->second.profile;
  if (pod->main.empty() || pod->main != container) return nullptr;
  const auto& label = at_path(*pod->labels, {"app"});
  if (label.is_string()) {
    auto found = system->services.find(label.get_ref<const std::string&>());
    if (found != system->services.end()) return &found->second;
  }
  const service_profile* best = nullptr;
  for (const auto& [service, profile] : system->services) {
    const bool like = pod->name.starts_with(service) && pod->name.size() > service.size() &&
                      pod->name[service.size()] == '-';
    if (!like) continue;
    if (!best || best->name.size() < service.size()) best = &profile;
  }
  return best;
}

} // namespace

common_surroundings::common_surroundings(const cluster& c) : node_cores(cores_of_node(c)) {}

container_view::container_view(const cluster& in, const known_pod& of, std::string_view container,
                               const pod_runtime* runtime, const common_surroundings& all)
    : c(in),
      pod(of),
      name(container),
      profile(profile_behind(in, of, container)),
      runs(runtime ? runtime->find(name) : nullptr),
      common(all) {}

container_view::container_view(const cluster& in, const known_pod& of, std::string_view container,
                               const pod_runtime* runtime)
    : container_view(in, of, container, runtime, common_surroundings(in)) {}

container_view::container_view(const cluster& in, const known_pod& of, std::string_view container)
    : container_view(in, of, container, in.node().find(std::string(of->uid))) {}

const service_profile* profile_of(const cluster& c, const json& pod, const std::string& container) {
  return profile_behind(c, known_pod(c.objects(), pod), container);
}

double allowed_cores(const object_facts& pod, std::string_view container, double node_cores) {
  const auto* spec = pod.find(container);
  if (!spec || !spec->cpu_limit || *spec->cpu_limit <= 0) return node_cores;
  return std::min(node_cores, effective_cores(*spec->cpu_limit));
}

/// Who else wants the CPU there, and whether the application answers: no more of its surroundings.
static flow_container competition(const container_view& of) {
  const auto& [c, pod, container, profile, runs, common] = of;
  flow_container out;
  out.node_cores = common.node_cores;
  out.cores = allowed_cores(pod.facts(), container, out.node_cores);
  double busy = 0, threads = 0;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid != pod->uid || e.container != container || is_spent(c, e)) continue;
    if (e.kind == "cpu_hog") {
      auto n = hog_threads(runs, id, e);
      threads += n;
      busy += n * e.params.value("load", 100.0) / 100;
    } else if (e.kind == "jvm_rule") {
      const auto spinning = e.params.value("cpuCount", 0) + collectors_of(e);
      threads += spinning;
      busy += spinning;
    }
  }
  out.hog_threads = threads;
  out.hog_load = threads > 0 ? busy / threads : 1;
  out.listening =
      runs && (profile || runs->serves) && is_serving(c, *runs) && !is_pause(runs->image);
  return out;
}

flow_container surroundings(const container_view& of) {
  const auto& [c, pod, container, profile, runs, common] = of;
  auto out = competition(of);
  out.pod = pod->name;
  out.address = pod->address;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid == pod->uid && !is_spent(c, e))
      add_effect(e, pod.as_json(), container, profile, out);
  }
  add_policies(c, pod.as_json(), out);
  if (profile && !pod->cluster_names) {
    each_call(*profile, [&](const auto& call) {
      out.lost_names.push_back(call.to);
      return false;
    });
  }
  return out;
}

flow_container surroundings(const cluster& c, const json& pod, const std::string& container) {
  const known_pod known(c.objects(), pod);
  return surroundings(container_view(c, known, container));
}

double start_seconds(const cluster& c, const json& pod, const std::string& container) {
  const known_pod known(c.objects(), pod);
  const container_view of(c, known, container);
  if (!of.profile) return 0.05;
  // Starting up is one thread's work; it takes longer on less than a core.
  return of.profile->start_seconds / std::min(1.0, surroundings(of).cores);
}

double working_set_bytes(const container_view& of) {
  std::string_view image = of.runs ? of.runs->image : std::string_view{};
  if (image.empty()) {
    if (const auto* spec = of.pod->find(of.name)) image = spec->image;
  }
  auto bytes = is_pause(image) ? pause_bytes
               : of.profile    ? of.profile->memory_mib * mebi
                               : helper_bytes;
  const auto at_rest = bytes;
  for (const auto& [id, e] : of.c.effects()) {
    if (e.pod_uid != of.pod->uid || e.container != of.name) continue;
    if (e.kind == "memory_hog") bytes += hog_bytes(of.runs, id, e);
    if (e.kind == "jvm_rule") bytes += jvm_growth(e, at_rest);
  }
  return bytes;
}

double working_set_bytes(const cluster& c, const json& pod, const std::string& container) {
  const known_pod known(c.objects(), pod);
  return working_set_bytes(container_view(c, known, container));
}

cpu_use cpu_use_of(const container_view& of) {
  if (!of.runs || !of.runs->running()) return {};
  const auto around = competition(of);
  if (!of.profile) return {cpu_usage(around, 0.00005)};
  if (is_pause(of.runs->image)) return {cpu_usage(around, 0.0002)};
  if (!around.listening) return {cpu_usage(around, 1)}; // starting up takes what it gets
  const auto& flow = flow_in(of.c, std::string(of.pod->ns));
  const auto part = flow.share_of(of.profile->name, of.pod->name);
  const auto busy = of.profile->idle_millicores / 1000 + flow.busy_cores(part);
  return {cpu_usage(around, busy), of.profile, around.cores, part};
}

double cores_now(const cpu_use& was, const lazy_flow& flow, const common_surroundings& common) {
  if (!was.serves) return was.cores;
  flow_container around;
  around.cores = was.allowed;
  around.node_cores = common.node_cores;
  return cpu_usage(around, was.serves->idle_millicores / 1000 + flow.busy_cores(was.part));
}

double cpu_cores(const container_view& of) {
  return cpu_use_of(of).cores;
}

double cpu_cores(const cluster& c, const json& pod, const std::string& container) {
  const known_pod known(c.objects(), pod);
  return cpu_cores(container_view(c, known, container));
}

double memory_in_use(const container_view& of) {
  const auto* spec = of.pod->find(of.name);
  auto bytes = working_set_bytes(of);
  return spec && spec->memory_limit ? std::min(*spec->memory_limit, bytes) : bytes;
}

} // namespace remed::env

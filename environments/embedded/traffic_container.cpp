// What surrounds one container: limits, effects, and what it uses under them.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/network_policies.hpp"
#include "environments/embedded/node/state.hpp"
#include "environments/embedded/traffic.hpp"
#include "environments/embedded/traffic_effects.hpp"
#include "environments/systems/calls.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

constexpr double mebi = 1024.0 * 1024.0;
/// A small helper container, and the pause program.
constexpr double helper_bytes = 1.1 * mebi, pause_bytes = 0.3 * mebi;

const json* container_spec(const json& pod, const std::string& container) {
  for (const auto* list : {"containers", "initContainers"}) {
    const auto& all = at_path(pod, {"spec", list});
    if (!all.is_array()) continue;
    for (const auto& one : all) {
      if (text_at(one, {"name"}) == container) return &one;
    }
  }
  return nullptr;
}

bool is_pause(const std::string& image) {
  auto base = image.substr(0, image.find('@'));
  auto slash = base.rfind('/');
  if (slash != std::string::npos) base = base.substr(slash + 1);
  return base.substr(0, base.find(':')) == "pause";
}

double node_cores(const cluster& c) {
  for (const auto& node : c.objects().list("nodes")) {
    auto n = parse_quantity(text_at(*node, {"status", "capacity", "cpu"}));
    if (n && *n > 0) return *n;
  }
  return 8;
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

} // namespace

const service_profile* profile_of(const cluster& c, const json& pod, const std::string& container) {
  auto app = c.traffic().apps.find(text_at(pod, {"metadata", "namespace"}));
  if (app == c.traffic().apps.end()) return nullptr;
  const auto& system = app->second.profile;
  const auto& containers = at_path(pod, {"spec", "containers"});
  if (!containers.is_array() || containers.empty()) return nullptr;
  if (text_at(containers[0], {"name"}) != container) return nullptr;
  auto found = system->services.find(text_at(pod, {"metadata", "labels", "app"}));
  if (found != system->services.end()) return &found->second;
  auto name = text_at(pod, {"metadata", "name"});
  const service_profile* best = nullptr;
  for (const auto& [service, profile] : system->services) {
    if (name.rfind(service + "-", 0) != 0) continue;
    if (!best || best->name.size() < service.size()) best = &profile;
  }
  return best;
}

flow_container surroundings(const cluster& c, const json& pod, const std::string& container) {
  flow_container out;
  auto uid = text_at(pod, {"metadata", "uid"});
  out.pod = text_at(pod, {"metadata", "name"});
  out.address = text_at(pod, {"status", "podIP"});
  out.node_cores = node_cores(c);
  out.cores = out.node_cores;
  if (const auto* spec = container_spec(pod, container)) {
    auto limit = parse_quantity(text_at(*spec, {"resources", "limits", "cpu"}));
    if (limit && *limit > 0) out.cores = std::min(out.cores, effective_cores(*limit));
  }
  const auto* node_pod = c.node().find(uid);
  const auto* runs = node_pod ? node_pod->find(container) : nullptr;
  const auto* profile = profile_of(c, pod, container);
  double busy = 0, threads = 0;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid != uid || is_spent(c, e)) continue;
    add_effect(e, pod, container, profile, out);
    if (e.container != container) continue;
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
  add_policies(c, pod, out);
  if (profile && !knows_cluster_names(pod)) {
    each_call(*profile, [&](const auto& call) {
      out.lost_names.push_back(call.to);
      return false;
    });
  }
  out.hog_threads = threads;
  out.hog_load = threads > 0 ? busy / threads : 1;
  out.listening =
      runs && (profile || runs->serves) && is_serving(c, uid, container) && !is_pause(runs->image);
  return out;
}

double start_seconds(const cluster& c, const json& pod, const std::string& container) {
  const auto* profile = profile_of(c, pod, container);
  if (!profile) return 0.05;
  auto around = surroundings(c, pod, container);
  // Starting up is one thread's work; it takes longer on less than a core.
  return profile->start_seconds / std::min(1.0, around.cores);
}

double working_set_bytes(const cluster& c, const json& pod, const std::string& container) {
  auto uid = text_at(pod, {"metadata", "uid"});
  const auto* node_pod = c.node().find(uid);
  const auto* runs = node_pod ? node_pod->find(container) : nullptr;
  auto image = runs && !runs->image.empty() ? runs->image : std::string{};
  if (image.empty()) {
    if (const auto* spec = container_spec(pod, container)) image = text_at(*spec, {"image"});
  }
  const auto* profile = profile_of(c, pod, container);
  auto bytes = is_pause(image) ? pause_bytes : profile ? profile->memory_mib * mebi : helper_bytes;
  const auto at_rest = bytes;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid != uid || e.container != container) continue;
    if (e.kind == "memory_hog") bytes += hog_bytes(runs, id, e);
    if (e.kind == "jvm_rule") bytes += jvm_growth(e, at_rest);
  }
  return bytes;
}

double cpu_cores(const cluster& c, const json& pod, const std::string& container) {
  auto uid = text_at(pod, {"metadata", "uid"});
  const auto* node_pod = c.node().find(uid);
  const auto* runs = node_pod ? node_pod->find(container) : nullptr;
  if (!runs || !runs->running()) return 0;
  auto around = surroundings(c, pod, container);
  const auto* profile = profile_of(c, pod, container);
  if (!profile) return cpu_usage(around, 0.00005);
  if (is_pause(runs->image)) return cpu_usage(around, 0.0002);
  if (!around.listening) return cpu_usage(around, 1); // starting up takes what it gets
  auto busy = profile->idle_millicores / 1000;
  const auto& services = flow_in(c, text_at(pod, {"metadata", "namespace"})).services;
  auto flow = services.find(profile->name);
  if (flow != services.end()) {
    auto mine = flow->second.busy_cores.find(around.pod);
    if (mine != flow->second.busy_cores.end()) busy += mine->second;
  }
  return cpu_usage(around, busy);
}

} // namespace remed::env

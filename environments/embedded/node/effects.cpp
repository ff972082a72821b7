// Effects as the node sees them: foreign processes, and what ends with a container or a pod.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/kubelet.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/processes.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr double mebi = 1024.0 * 1024.0;

std::string number(double value) {
  auto whole = static_cast<long long>(value);
  return std::to_string(whole);
}

std::string bytes_text(double bytes) {
  if (bytes >= mebi && static_cast<long long>(bytes) % static_cast<long long>(mebi) == 0) {
    return number(bytes / mebi) + "MiB";
  }
  return number(bytes) + "B";
}

process_info make(container_runtime& container, std::uint64_t id, vtime now, int ppid,
                  std::string comm, std::string args, double rss) {
  process_info p;
  p.pid = container.next_pid++;
  p.ppid = ppid;
  p.comm = std::move(comm);
  p.args = std::move(args);
  p.rss_bytes = rss;
  p.effect = id;
  p.started = now;
  return p;
}

/// stress-ng and one process per worker, as it names them.
void add_cpu_hog(container_runtime& container, std::uint64_t id, const effect& e, vtime now) {
  auto workers = e.params.value("workers", 1);
  auto load = e.params.value("load", 100.0);
  std::string options;
  for (const auto& one : at_path(e.params, {"options"})) options += " " + one.get<std::string>();
  ++container.next_pid; // nsexec took one
  auto parent = make(container, id, now, 0, "stress-ng",
                     "stress-ng --cpu-load-slice 10 --cpu-method sqrt --cpu " +
                         std::to_string(workers) + " --cpu-load " + number(load) + options,
                     6.1 * mebi);
  auto pid = parent.pid;
  container.processes.push_back(std::move(parent));
  ++container.next_pid;
  for (int i = 0; i < workers; ++i) {
    container.processes.push_back(
        make(container, id, now, pid, "stress-ng-cpu", "stress-ng-cpu [run]", 2.5 * mebi));
  }
}

/// memStress and its clients, which hold the memory.
void add_memory_hog(container_runtime& container, std::uint64_t id, const effect& e, vtime now,
                    double room) {
  auto workers = std::max(1, e.params.value("workers", 1));
  auto bytes = e.params.value("bytes", 0.0);
  auto held = std::min(bytes, room);
  auto size = bytes_text(bytes);
  ++container.next_pid;
  auto parent = make(container, id, now, 0, "memStress",
                     "memStress --workers " + std::to_string(workers) + " --size " + size, 0);
  auto pid = parent.pid;
  container.processes.push_back(std::move(parent));
  for (int i = 0; i < workers; ++i) {
    container.processes.push_back(make(container, id, now, pid, "memStress",
                                       "memStress --size " + size + " --workers " +
                                           std::to_string(workers) + " --time 0s --client 1",
                                       held / workers));
  }
}

void add_processes(cluster& c, const json& pod, container_runtime& container, std::uint64_t id,
                   const effect& e) {
  container.shown_effects.insert(id);
  auto now = c.now();
  if (e.kind == "cpu_hog") {
    add_cpu_hog(container, id, e, now);
  } else if (e.kind == "memory_hog") {
    // Without group kill the hog's child dies at the limit and comes back: it holds what is left.
    auto limit = limit_of(container_spec(pod, container.name), "memory");
    auto others = memory_without_hogs(c, pod, container.name);
    bool cut = limit && !c.options().oom_group_kill;
    add_memory_hog(container, id, e, now, cut ? std::max(0.0, *limit - others) : 1e18);
    c.schedule(housekeeping, eviction_actor, std::string(node_name));
  } else if (e.kind.rfind("io_", 0) == 0 && !e.params.contains("layer")) {
    container.processes.push_back(
        make(container, id, now, 0, "toda",
             "/usr/local/bin/toda --path " + e.params.value("path", "/") + " --verbose info",
             9.4 * mebi));
  } else if (e.kind == "http_fault") {
    container.processes.push_back(make(container, id, now, 0, "tproxy",
                                       "/usr/local/bin/tproxy -i --interactive-path "
                                       "/tmp/tproxy.sock -v",
                                       5.2 * mebi));
  }
}

/// A proxy lives in the container's pid namespace; what it redirects lives on without it.
bool has_process_here(const effect& e, const pod_runtime& pod, const container_runtime& container) {
  return e.kind == "http_fault" && e.pod_uid == pod.uid && e.container == container.name &&
         e.instance == container.instance;
}

bool lives_here(const effect& e, const pod_runtime& pod, const container_runtime& container) {
  return e.lives_in == lifetime::container && e.pod_uid == pod.uid && e.container == container.name;
}

} // namespace

void sync_hogs(pod_sync& s, container_runtime& container) {
  for (auto id = container.shown_effects.begin(); id != container.shown_effects.end();) {
    if (s.c.effects().count(*id)) {
      ++id;
      continue;
    }
    std::erase_if(container.processes, [&](const auto& p) { return p.effect == *id; });
    id = container.shown_effects.erase(id);
  }
  for (const auto& [id, e] : s.c.effects()) {
    const bool here = lives_here(e, s.rt, container) || has_process_here(e, s.rt, container);
    if (here && !container.shown_effects.count(id)) {
      add_processes(s.c, s.pod, container, id, e);
    }
  }
}

void end_container_effects(cluster& c, const pod_runtime& pod, const container_runtime& container,
                           const std::string& why) {
  std::vector<std::uint64_t> over;
  for (const auto& [id, e] : c.effects()) {
    if (lives_here(e, pod, container) && (e.instance == 0 || e.instance <= container.instance)) {
      over.push_back(id);
    }
  }
  for (auto id : over) c.end_effect(id, why);
}

void end_pod_effects(cluster& c, const std::string& pod_uid) {
  std::vector<std::uint64_t> over;
  for (const auto& [id, e] : c.effects()) {
    if (e.pod_uid == pod_uid && e.lives_in != lifetime::workload) over.push_back(id);
  }
  for (auto id : over) c.end_effect(id, "pod_deleted");
}

bool has_effects(const cluster& c, const std::string& pod_uid) {
  return std::any_of(c.effects().begin(), c.effects().end(),
                     [&](const auto& one) { return one.second.pod_uid == pod_uid; });
}

void attach_effect_processes(cluster& c, std::uint64_t effect_id) {
  auto at = c.effects().find(effect_id);
  if (at == c.effects().end()) return;
  const auto& e = at->second;
  auto pod = c.objects().get("pods", {e.ns, e.pod});
  auto* rt = c.node().edit(e.pod_uid);
  auto* container = rt ? rt->find(e.container) : nullptr;
  if (!pod || !container || !container->running()) return;
  if (!container->shown_effects.count(effect_id)) {
    add_processes(c, *pod, *container, effect_id, e);
  }
}

} // namespace remed::env

#include "environments/embedded/node/processes.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr int sig_hup = 1, sig_int = 2, sig_quit = 3, sig_kill = 9, sig_term = 15;
constexpr duration respawn_cycle = std::chrono::seconds{3}; // fill up, be killed, be started again

bool ends_process(int signal) {
  return signal == sig_hup || signal == sig_int || signal == sig_quit || signal == sig_kill ||
         signal == sig_term;
}

/// The main process ends at the next look of the kubelet, which is now.
void end_instance(cluster& c, const pod_runtime& rt, container_runtime& container, int code) {
  container.exits_at = c.now();
  container.exit_code = code;
  c.schedule(duration{0}, "kubelet", rt.ns + "/" + rt.name);
}

/// Drops a process and the processes it started.
void drop_tree(container_runtime& container, int pid) {
  std::vector<int> doomed{pid};
  for (std::size_t i = 0; i < doomed.size(); ++i) {
    for (const auto& p : container.processes) {
      if (p.ppid == doomed[i]) doomed.push_back(p.pid);
    }
  }
  std::erase_if(container.processes, [&](const auto& p) {
    return std::find(doomed.begin(), doomed.end(), p.pid) != doomed.end();
  });
}

void kill_hog(cluster& c, container_runtime& container, process_info victim, int signal) {
  bool parent = victim.ppid == 0;
  if (parent) {
    drop_tree(container, victim.pid);
    // A file system whose server was killed hard stays mounted and broken.
    if (victim.comm != "toda" || signal != sig_kill) c.end_effect(victim.effect, "process_killed");
  } else if (victim.comm == "memStress") {
    // Its parent starts another one within a second: the same, under a new number.
    for (auto& p : container.processes) {
      if (p.pid == victim.pid) p.pid = container.next_pid++;
    }
  } else {
    std::erase_if(container.processes, [&](const auto& p) { return p.pid == victim.pid; });
    bool any_left = std::any_of(container.processes.begin(), container.processes.end(),
                                [&](const auto& p) { return p.ppid == victim.ppid; });
    if (!any_left) {
      drop_tree(container, victim.ppid);
      c.end_effect(victim.effect, "process_killed");
    }
  }
  traffic_touched(c);
}

void kill_own(cluster& c, const pod_runtime& rt, container_runtime& container,
              const process_info& victim, int signal) {
  if (victim.pid == 1) {
    // The kernel keeps KILL and unhandled signals of its own processes from PID 1.
    if (signal != sig_kill && container.handles_term) end_instance(c, rt, container, 128 + signal);
    return;
  }
  // The shell that waits for it ends with its status.
  drop_tree(container, victim.pid);
  end_instance(c, rt, container, 128 + signal);
}

} // namespace

std::vector<process_info> visible_processes(const cluster& c, const std::string& pod_uid,
                                            const std::string& container) {
  const auto* rt = c.node().find(pod_uid);
  const auto* found = rt ? rt->find(container) : nullptr;
  if (!found || !found->running()) return {};
  auto out = found->processes;
  auto shown = c.objects().get("pods", {rt->ns, rt->name});
  auto target = shown && found->ephemeral
                    ? text_at(container_spec(*shown, container), {"targetContainerName"})
                    : std::string{};
  if (!target.empty() && target != container) {
    // One process namespace: the target's are there, and its own come behind.
    auto theirs = visible_processes(c, pod_uid, target);
    for (auto& p : out) p.pid += theirs.empty() ? 0 : theirs.back().pid;
    theirs.insert(theirs.end(), out.begin(), out.end());
    return theirs;
  }
  std::erase_if(out, [&](const auto& p) { return p.foreign() && !c.effects().count(p.effect); });
  auto pod = c.objects().get("pods", {rt->ns, rt->name});
  if (!pod) return out;
  auto own = memory_without_hogs(c, *pod, container);
  auto main = std::find_if(out.rbegin(), out.rend(), [](const auto& p) { return !p.foreign(); });
  if (main != out.rend()) main->rss_bytes = own;
  auto limit = limit_of(container_spec(*pod, container), "memory");
  for (auto& p : out) {
    auto at = c.effects().find(p.effect);
    bool child = p.foreign() && p.ppid != 0 && at != c.effects().end();
    if (!child || at->second.kind != "memory_hog" || !limit) continue;
    // Killed at the limit and started again, for ever: which round is it?
    if (own + at->second.params.value("bytes", 0.0) > *limit) {
      p.pid += static_cast<int>((c.now() - p.started) / respawn_cycle);
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return out;
}

result<void> kill_process(cluster& c, const std::string& pod_uid, const std::string& container,
                          int pid, int signal) {
  if (signal < 0 || signal > 64) return failure{errc::bad_input, "invalid signal"};
  auto seen = visible_processes(c, pod_uid, container);
  if (pid == -1) {
    for (const auto& p : seen) {
      if (p.pid == 1) continue;
      (void)kill_process(c, pod_uid, container, p.pid, signal).ok();
    }
    return {};
  }
  auto at = std::find_if(seen.begin(), seen.end(), [&](const auto& p) { return p.pid == pid; });
  if (at == seen.end()) return failure{errc::failed, "No such process"};
  if (!ends_process(signal)) return {};
  auto* rt = c.node().edit(pod_uid);
  auto& found = *rt->find(container);
  // A child in its nth round is kept under its first number.
  auto kept = std::find_if(found.processes.begin(), found.processes.end(), [&](const auto& p) {
    return p.pid == pid || (p.effect == at->effect && p.foreign() && p.started == at->started &&
                            p.ppid == at->ppid && p.args == at->args);
  });
  if (kept == found.processes.end()) return {};
  if (at->foreign())
    kill_hog(c, found, *kept, signal);
  else
    kill_own(c, *rt, found, *kept, signal);
  return {};
}

void kill_container(cluster& c, const std::string& pod_uid, const std::string& container,
                    int exit_code) {
  auto* rt = c.node().edit(pod_uid);
  auto* found = rt ? rt->find(container) : nullptr;
  if (found && found->running()) end_instance(c, *rt, *found, exit_code);
}

} // namespace remed::env

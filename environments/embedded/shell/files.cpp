#include "environments/embedded/shell/files.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/node/environment.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/node/volumes.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/kept_files.hpp"
#include "environments/embedded/traffic.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace remed::env {

namespace {

const json& spec_of(const json& pod, const std::string& container) {
  return container_spec(pod, container);
}

/// Files of ConfigMaps, Secrets and tokens where the container mounts them.
void add_volumes(const cluster& c, const json& pod, const json& spec,
                 std::map<std::string, std::string>& out) {
  for (const auto& mount : at_path(spec, {"volumeMounts"})) {
    auto files = volume_files(c, pod, volume_of(pod, text_at(mount, {"name"})));
    auto root = text_at(mount, {"mountPath"});
    auto below = text_at(mount, {"subPath"});
    for (auto& [path, content] : files) {
      if (below.empty())
        out[root + "/" + path] = std::move(content);
      else if (path == below)
        out[root] = std::move(content);
    }
  }
}

std::string memory_info(const cluster& c) {
  auto total = node_memory_bytes(c) / 1024;
  return format(
      "MemTotal:       %.0f kB\nMemFree:        %.0f kB\nMemAvailable:   %.0f kB\n"
      "Buffers:          102420 kB\nCached:         %.0f kB\nSwapTotal:             0 kB\n"
      "SwapFree:              0 kB\n",
      total, total * 0.49, total * 0.69, total * 0.2);
}

std::string cpu_info(const cluster& c, const json& pod, const std::string& container) {
  auto n = static_cast<int>(surroundings(c, pod, container).node_cores);
  std::string out;
  for (int i = 0; i < n; ++i) {
    out += format(
        "processor\t: %d\nvendor_id\t: GenuineIntel\nmodel name\t: Virtual CPU\n"
        "cpu MHz\t\t: 2600.000\ncpu cores\t: %d\n\n",
        i, n);
  }
  return out;
}

std::string cpu_max(const json& spec) {
  auto limit = parse_quantity(text_at(spec, {"resources", "limits", "cpu"}));
  if (!limit || *limit <= 0) return "max 100000\n";
  return format("%.0f 100000\n", effective_cores(*limit) * 100'000);
}

/// Consumed CPU and how often the quota ran out, from what the container has used so far.
std::string cpu_stat(const cluster& c, const json& pod, const container_runtime& runs) {
  auto around = surroundings(c, pod, runs.name);
  auto life = std::max(0.0, seconds(c.now() - runs.started_at));
  auto hogged = 0.0;
  for (const auto& [id, e] : c.effects()) {
    if (e.kind == "cpu_hog" && e.pod_uid == text_at(pod, {"metadata", "uid"}) &&
        e.container == runs.name) {
      hogged = std::max(hogged, seconds(c.now() - std::max(e.since, runs.started_at)));
    }
  }
  auto use = cpu_cores(c, pod, runs.name);
  auto saturated = use >= around.cores * 0.98 && around.cores < around.node_cores;
  auto before = hogged > 0 ? std::min(use, 0.01) : use;
  auto used = before * (life - hogged) + use * hogged;
  auto full = saturated ? (hogged > 0 ? hogged : life) : 0;
  return format(
      "usage_usec %.0f\nuser_usec %.0f\nsystem_usec %.0f\nnr_periods %.0f\n"
      "nr_throttled %.0f\nthrottled_usec %.0f\n",
      used * 1e6, used * 0.92e6, used * 0.08e6, life * 10, full * 9.9,
      full * 1e6 * std::max(1.0, around.hog_threads) * 0.9);
}

std::string aliases(const json& pod) {
  std::string out;
  for (const auto& alias : at_path(pod, {"spec", "hostAliases"})) {
    if (out.empty()) out = "\n# Entries added by HostAliases.\n";
    out += text_at(alias, {"ip"});
    for (const auto& name : at_path(alias, {"hostnames"})) out += "\t" + name.get<std::string>();
    out += "\n";
  }
  return out;
}

std::string hosts(const json& pod) {
  auto name = text_at(pod, {"metadata", "name"});
  return "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost "
         "ip6-loopback\nfe00::0\tip6-localnet\n" +
         text_at(pod, {"status", "podIP"}) + "\t" + name + "\n" + aliases(pod);
}

std::string resolv_conf(const cluster& c, const json& pod, const std::string& other) {
  auto dns = c.objects().get("services", {"kube-system", "kube-dns"});
  auto address = dns ? text_at(*dns, {"spec", "clusterIP"}) : std::string("10.43.0.10");
  if (!other.empty()) address = other;
  auto ns = text_at(pod, {"metadata", "namespace"});
  return "search " + ns + ".svc.cluster.local svc.cluster.local cluster.local\nnameserver " +
         address + "\noptions ndots:5\n";
}

void add_processes(const cluster& c, const json& pod, const container_runtime& runs,
                   std::map<std::string, std::string>& out) {
  for (const auto& p : visible_processes(c, text_at(pod, {"metadata", "uid"}), runs.name)) {
    auto base = "/proc/" + std::to_string(p.pid) + "/";
    auto words = p.args;
    std::replace(words.begin(), words.end(), ' ', '\0');
    out[base + "cmdline"] = words + std::string(1, '\0');
    out[base + "comm"] = p.comm + "\n";
    auto kib = static_cast<long>(p.rss_bytes / 1024);
    out[base + "status"] = format(
        "Name:\t%s\nState:\t%s\nPid:\t%d\nPPid:\t%d\nUid:\t0\t0\t0\t0\n"
        "VmRSS:\t%8ld kB\nThreads:\t%d\n",
        p.comm.c_str(), p.comm == "stress-ng-cpu" ? "R (running)" : "S (sleeping)", p.pid, p.ppid,
        kib, p.threads);
  }
}

} // namespace

double node_memory_bytes(const cluster& c) {
  for (const auto& node : c.objects().list("nodes")) {
    auto n = parse_quantity(text_at(*node, {"status", "capacity", "memory"}));
    if (n && *n > 0) return *n;
  }
  return 32.0 * 1024 * 1024 * 1024;
}

double node_uptime_seconds(const cluster& c) {
  // The node was up for a day when the calendar began.
  return std::max(0.0, seconds(c.now() - stepped_epoch)) + 86'400 + 3'723;
}

std::string load_average(const cluster& c, bool brief) {
  double busy = 0.3;
  c.traffic().usage.walk([&](const std::string&, const auto& h) {
    if (!h->samples.empty()) busy += h->samples.back().cores;
  });
  if (brief) return format("%.2f, %.2f, %.2f", busy, busy * 0.9, busy * 0.8);
  return format("%.2f %.2f %.2f 2/%d %d", busy, busy * 0.9, busy * 0.8, 640, 4711);
}

std::vector<mount_point> container_mounts(const cluster& c, const json& pod,
                                          const container_runtime& runs) {
  std::vector<mount_point> out{
      {"overlay", "/", "overlay", "rw,relatime"},
      {"proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"},
      {"tmpfs", "/dev", "tmpfs", "rw,nosuid,size=65536k,mode=755"},
      {"devpts", "/dev/pts", "devpts", "rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666"},
      {"mqueue", "/dev/mqueue", "mqueue", "rw,nosuid,nodev,noexec,relatime"},
      {"sysfs", "/sys", "sysfs", "ro,nosuid,nodev,noexec,relatime"},
      {"cgroup", "/sys/fs/cgroup", "cgroup2", "ro,nosuid,nodev,noexec,relatime"}};
  const auto& mounts = at_path(spec_of(pod, runs.name), {"volumeMounts"});
  if (mounts.is_array()) {
    for (const auto& m : mounts) {
      auto read_only = m.value("readOnly", false) ? "ro,relatime" : "rw,relatime";
      out.push_back({"/dev/vda1", text_at(m, {"mountPath"}), "ext4", read_only, true});
    }
  }
  for (const auto* file :
       {"/etc/hosts", "/dev/termination-log", "/etc/hostname", "/etc/resolv.conf"}) {
    out.push_back({"/dev/vda1", file, "ext4", "rw,relatime"});
  }
  out.push_back({"shm", "/dev/shm", "tmpfs", "rw,nosuid,nodev,noexec,relatime,size=65536k"});
  std::set<std::string> laid;
  for (const auto& [id, e] : c.effects()) {
    if (e.kind.rfind("io_", 0) != 0 || e.params.contains("layer")) continue;
    if (e.pod_uid != text_at(pod, {"metadata", "uid"}) || e.container != runs.name) continue;
    if (!laid.insert(e.params.value("path", "/")).second) continue;
    out.push_back({"toda", e.params.value("path", "/"), "fuse",
                   "rw,nosuid,nodev,relatime,user_id=0,group_id=0,default_permissions,allow_other",
                   true});
  }
  return out;
}

std::map<std::string, std::string> container_environment(const cluster& c, const json& pod,
                                                         const std::string& container) {
  std::map<std::string, std::string> out{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"HOSTNAME", text_at(pod, {"metadata", "name"})},
      {"HOME", "/root"}};
  for (const auto& service :
       c.objects().list("services", text_at(pod, {"metadata", "namespace"}))) {
    auto name = text_at(*service, {"metadata", "name"});
    for (auto& ch : name) {
      ch = ch == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(ch)));
    }
    if (at_path(pod, {"spec", "enableServiceLinks"}) == false) break;
    auto address = text_at(*service, {"spec", "clusterIP"});
    const auto& ports = at_path(*service, {"spec", "ports"});
    if (address.empty() || address == "None" || !ports.is_array() || ports.empty()) continue;
    out[name + "_SERVICE_HOST"] = address;
    auto port = std::to_string(int_at(ports[0], {"port"}));
    auto link = name + "_PORT_" + port + "_TCP";
    out[name + "_SERVICE_PORT"] = port;
    out[name + "_PORT"] = out[link] = "tcp://" + address + ":" + port;
    out[link + "_PROTO"] = "tcp";
    out[link + "_PORT"] = port;
    out[link + "_ADDR"] = address;
  }
  if (auto api = c.objects().get("services", {"default", "kubernetes"})) {
    out["KUBERNETES_SERVICE_HOST"] = text_at(*api, {"spec", "clusterIP"});
    out["KUBERNETES_SERVICE_PORT"] = out["KUBERNETES_SERVICE_PORT_HTTPS"] = "443";
    out["KUBERNETES_PORT"] = "tcp://" + out["KUBERNETES_SERVICE_HOST"] + ":443";
  }
  for (auto& [name, value] : resolve_environment(c, pod, spec_of(pod, container))) {
    out[name] = std::move(value);
  }
  return out;
}

std::map<std::string, std::string> container_files(const cluster& c, const json& pod,
                                                   const container_runtime& runs) {
  std::map<std::string, std::string> out;
  const auto& spec = spec_of(pod, runs.name);
  auto limit = parse_quantity(text_at(spec, {"resources", "limits", "memory"}));
  auto used = working_set_bytes(c, pod, runs.name);
  if (limit && *limit > 0) used = std::min(used, *limit);
  out["/proc/meminfo"] = memory_info(c);
  out["/proc/cpuinfo"] = cpu_info(c, pod, runs.name);
  out["/proc/loadavg"] = load_average(c) + "\n";
  out["/proc/uptime"] = format("%.2f %.2f\n", node_uptime_seconds(c), node_uptime_seconds(c) * 7.5);
  out["/proc/version"] = "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)\n";
  std::string mounts;
  for (const auto& m : container_mounts(c, pod, runs)) {
    mounts += m.source + " " + m.path + " " + m.type + " " + m.options + " 0 0\n";
  }
  out["/proc/mounts"] = mounts;
  add_processes(c, pod, runs, out);
  out["/etc/hosts"] = hosts(pod);
  out["/etc/hostname"] = text_at(pod, {"metadata", "name"}) + "\n";
  const auto other = changed_resolver(c, text_at(pod, {"metadata", "uid"}));
  out["/etc/resolv.conf"] = resolv_conf(c, pod, other);
  if (!other.empty()) out["/etc/resolv.conf.chaos.bak"] = resolv_conf(c, pod, {});
  out["/sys/fs/cgroup/cpu.max"] = cpu_max(spec);
  out["/sys/fs/cgroup/cpu.stat"] = cpu_stat(c, pod, runs);
  out["/sys/fs/cgroup/memory.current"] = format("%.0f\n", used);
  out["/sys/fs/cgroup/memory.max"] = limit && *limit > 0 ? format("%.0f\n", *limit) : "max\n";
  out["/sys/fs/cgroup/memory.stat"] = format("anon %.0f\nfile %.0f\n", used * 0.9, used * 0.1);
  out["/sys/fs/cgroup/memory.events"] = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n";
  auto request = parse_quantity(text_at(spec, {"resources", "requests", "cpu"}));
  auto shares = std::max(2.0, request.value_or(0) * 1024);
  out["/sys/fs/cgroup/cpu.weight"] = format("%.0f\n", 1 + (shares - 2) * 9999 / 262142);
  out["/sys/fs/cgroup/memory.swap.max"] = "0\n";
  out["/sys/fs/cgroup/pids.current"] =
      format("%zu\n", visible_processes(c, text_at(pod, {"metadata", "uid"}), runs.name).size());
  add_volumes(c, pod, spec, out);
  for (auto& [path, file] : kept_files(c, pod, runs)) out[path] = std::move(file.content);
  return out;
}

} // namespace remed::env

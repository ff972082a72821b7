#include "environments/embedded/shell/kept_files.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/pod_sync.hpp"
#include "environments/embedded/node/volumes.hpp"
#include "environments/embedded/traffic.hpp"

#include <set>

namespace remed::env {

namespace {

/// Written by the sandbox itself into every root.
const std::set<std::string> of_the_sandbox{"/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
                                           "/etc/mtab"};

/// The volume a path lies in: its mount, or null.
const json* mount_of(const json& spec, const std::string& path) {
  const json* best = nullptr;
  std::size_t length = 0;
  for (const auto& mount : at_path(spec, {"volumeMounts"})) {
    auto root = text_at(mount, {"mountPath"});
    if (path.rfind(root + "/", 0) != 0 || root.size() < length) continue;
    length = root.size();
    best = &mount;
  }
  return best;
}

bool is_writable(const json& volume, const json& mount) {
  if (mount.value("readOnly", false)) return false;
  for (const char* fixed : {"configMap", "secret", "projected", "downwardAPI"}) {
    if (volume.contains(fixed)) return false;
  }
  return true;
}

/// Where a path's file is kept, or null when it cannot be.
std::map<std::string, stored_file>* place_of(pod_runtime& rt, container_runtime* own,
                                             const json& pod, const json& spec, std::string& path) {
  const auto* mount = mount_of(spec, path);
  if (!mount) return own ? &own->files : nullptr;
  auto name = text_at(*mount, {"name"});
  if (!is_writable(volume_of(pod, name), *mount)) return nullptr;
  path.erase(0, text_at(*mount, {"mountPath"}).size() + 1);
  auto below = text_at(*mount, {"subPath"});
  if (!below.empty()) path = below + "/" + path;
  return &rt.volume_files[name];
}

std::size_t kept_bytes(const pod_runtime& rt) {
  std::size_t sum = 0;
  for (const auto& [name, files] : rt.volume_files) {
    for (const auto& [path, file] : files) sum += file.content.size();
  }
  for (const auto& one : rt.containers) {
    for (const auto& [path, file] : one.files) sum += file.content.size();
  }
  return sum;
}

/// A resolver that somebody put out of resolv.conf is asked no more.
void follow_resolver(cluster& c, const pod_runtime& rt, const std::string& resolv_conf) {
  std::vector<std::uint64_t> over;
  for (const auto& [id, e] : c.effects()) {
    if (e.kind != "dns_fault" || e.pod_uid != rt.uid) continue;
    const auto server = e.params.value("server", "");
    if (resolv_conf.find("nameserver " + server) == std::string::npos) over.push_back(id);
  }
  for (auto id : over) c.end_effect(id, "file_edited");
  if (!over.empty()) traffic_touched(c);
}

} // namespace

std::map<std::string, stored_file> kept_files(const cluster& c, const json& pod,
                                              const container_runtime& runs) {
  auto out = runs.files;
  const auto* rt = c.node().find(text_at(pod, {"metadata", "uid"}));
  if (!rt) return out;
  for (const auto& mount : at_path(container_spec(pod, runs.name), {"volumeMounts"})) {
    auto volume = rt->volume_files.find(text_at(mount, {"name"}));
    if (volume == rt->volume_files.end()) continue;
    auto below = text_at(mount, {"subPath"});
    auto prefix = below.empty() ? std::string{} : below + "/";
    for (const auto& [path, file] : volume->second) {
      if (path.rfind(prefix, 0) != 0) continue;
      out[text_at(mount, {"mountPath"}) + "/" + path.substr(prefix.size())] = file;
    }
  }
  return out;
}

void keep_files(cluster& c, const json& pod, const std::string& container, std::uint64_t instance,
                const std::map<std::string, std::string>& before,
                const std::map<std::string, tools::tar_file>& after) {
  auto* rt = c.node().edit(text_at(pod, {"metadata", "uid"}));
  auto* own = rt ? rt->find(container) : nullptr;
  if (!own) return;
  if (own->instance != instance) own = nullptr;
  const auto& spec = container_spec(pod, container);
  auto room = kept_bytes_limit - std::min(kept_bytes_limit, kept_bytes(*rt));
  for (const auto& [given, file] : after) {
    auto path = "/" + given;
    auto known = before.find(path);
    if (of_the_sandbox.count(path) || (known != before.end() && known->second == file.content)) {
      continue;
    }
    if (path == "/etc/resolv.conf") follow_resolver(c, *rt, file.content);
    auto* place = place_of(*rt, own, pod, spec, path);
    if (!place || file.content.size() > room) continue;
    room -= file.content.size();
    (*place)[path] = {file.content, file.executable};
  }
  for (const auto& [given, content] : before) {
    if (after.count(given.substr(1))) continue;
    auto path = given;
    if (auto* place = place_of(*rt, own, pod, spec, path)) place->erase(path);
  }
}

} // namespace remed::env

#include "environments/embedded/node/volumes.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/environment.hpp"
#include "environments/embedded/node/pod_sync.hpp"

#include <algorithm>
#include <set>

namespace remed::env {

namespace {

constexpr duration first_retry = std::chrono::milliseconds{500};
constexpr duration longest_retry = std::chrono::seconds{122}; // kubelet: 2 min 2 s
constexpr duration patience = std::chrono::seconds{123};      // then the pod says what it waits for
constexpr duration refresh_time = std::chrono::seconds{60}; // sync period and cache of the kubelet
const json nothing = nullptr;

/// "configmaps/name" or "secrets/name" of a source, with where its items stand.
struct source {
  const char* kind = "configmap";
  std::string table, name;
  const json* spec = nullptr;
  bool optional = false;
  std::string key() const { return table + "/" + name; }
};

void add_source(const json& from, std::vector<source>& out) {
  for (const auto& [field, kind, table, title] :
       {std::tuple{"configMap", "configmap", "configmaps", "name"},
        std::tuple{"secret", "secret", "secrets", "secretName"}}) {
    const auto& spec = at_path(from, {field});
    if (!spec.is_object()) continue;
    auto name = text_at(spec, {title}, text_at(spec, {"name"}));
    out.push_back({kind, table, name, &spec, spec.value("optional", false)});
  }
}

std::vector<source> sources_of(const json& volume) {
  std::vector<source> out;
  add_source(volume, out);
  for (const auto& one : at_path(volume, {"projected", "sources"})) add_source(one, out);
  return out;
}

/// A host folder that every node has; others exist only when they are to be created.
bool on_host(const std::string& path) {
  static const std::set<std::string> known{"/",
                                           "/etc",
                                           "/var",
                                           "/var/log",
                                           "/var/lib",
                                           "/tmp",
                                           "/proc",
                                           "/sys",
                                           "/dev",
                                           "/run",
                                           "/usr",
                                           "/var/run",
                                           "/home",
                                           "/opt",
                                           "/mnt",
                                           "/root",
                                           "/boot",
                                           "/lib",
                                           "/bin",
                                           "/srv",
                                           "/var/log/pods",
                                           "/var/lib/kubelet"};
  auto bare = path.size() > 1 && path.back() == '/' ? path.substr(0, path.size() - 1) : path;
  return known.count(bare) > 0;
}

std::string host_path_problem(const json& volume) {
  const auto& host = at_path(volume, {"hostPath"});
  if (!host.is_object()) return {};
  auto type = text_at(host, {"type"}), path = text_at(host, {"path"});
  if (type == "Directory" && !on_host(path))
    return "hostPath type check failed: " + path + " is not a directory";
  if (type == "File" || type == "Socket" || type == "CharDevice" || type == "BlockDevice") {
    auto what = type == "File"         ? "a file"
                : type == "Socket"     ? "a socket file"
                : type == "CharDevice" ? "a character device"
                                       : "a block device";
    bool there = type == "Socket" && path.ends_with("containerd.sock");
    if (!there) return "hostPath type check failed: " + path + " is not " + what;
  }
  return {};
}

/// Why the volume cannot be set up, in the kubelet's words.
std::string problem_of(const cluster& c, const std::string& ns, const json& volume) {
  for (const auto& from : sources_of(volume)) {
    auto found = c.objects().get(from.table, {ns, from.name});
    if (!found && from.name == "kube-root-ca.crt") continue; // published by whoever runs the node
    if (!found && from.optional) continue;
    if (!found) return std::string(from.kind) + " \"" + from.name + "\" not found";
    auto data = data_of(*found);
    for (const auto& item : at_path(*from.spec, {"items"})) {
      auto key = text_at(item, {"key"});
      bool there =
          std::any_of(data.begin(), data.end(), [&](const auto& one) { return one.first == key; });
      if (there || from.optional) continue;
      return from.kind == std::string("configmap")
                 ? "configmap references non-existent config key: " + key
                 : "references non-existent secret key: " + key;
    }
  }
  return host_path_problem(volume);
}

/// Notes which version of each source was mounted.
void remember_sources(pod_sync& s) {
  for (const auto& volume : at_path(s.pod, {"spec", "volumes"})) {
    for (const auto& from : sources_of(volume)) {
      s.rt.sources[from.key()] = s.c.objects().get(from.table, {s.rt.ns, from.name});
    }
  }
}

std::string list_of(const std::vector<std::string>& names) {
  return "[" + join(names, " ") + "]";
}

void add_items(const std::vector<std::pair<std::string, std::string>>& data, const json& items,
               std::map<std::string, std::string>& out) {
  if (items.empty()) {
    for (const auto& [key, value] : data) out[key] = value;
    return;
  }
  for (const auto& item : items) {
    for (const auto& [key, value] : data) {
      if (key == text_at(item, {"key"})) out[text_at(item, {"path"})] = value;
    }
  }
}

void add_downward(const cluster& c, const json& pod, const json& items,
                  std::map<std::string, std::string>& out) {
  for (const auto& item : items) {
    auto path = text_at(item, {"path"});
    if (item.contains("fieldRef"))
      out[path] = downward_field(pod, text_at(item, {"fieldRef", "fieldPath"})).value_or("");
    else if (item.contains("resourceFieldRef"))
      out[path] = downward_resource(c, pod, nothing, item["resourceFieldRef"]);
  }
}

/// A token that says whose it is, as a JWT does; nobody could sign with it.
std::string account_token(const json& pod, const json& wanted) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  auto account = text_at(pod, {"spec", "serviceAccountName"}, "default");
  auto claims = json::object();
  claims["aud"] =
      json::array({text_at(wanted, {"audience"}, "https://kubernetes.default.svc.cluster.local")});
  claims["iss"] = "https://kubernetes.default.svc.cluster.local";
  claims["sub"] = "system:serviceaccount:" + ns + ":" + account;
  claims["kubernetes.io"]["namespace"] = ns;
  claims["kubernetes.io"]["pod"]["name"] = text_at(pod, {"metadata", "name"});
  claims["kubernetes.io"]["serviceaccount"]["name"] = account;
  auto part = [](const std::string& text) {
    auto out = base64_encode(text);
    for (char& ch : out) ch = ch == '+' ? '-' : ch == '/' ? '_' : ch;
    out.erase(std::find(out.begin(), out.end(), '='), out.end());
    return out;
  };
  return part(R"({"alg":"RS256","kid":"remed"})") + "." + part(claims.dump()) + "." +
         part(text_at(pod, {"metadata", "uid"}));
}

} // namespace

const json& volume_of(const json& pod, const std::string& name) {
  for (const auto& volume : at_path(pod, {"spec", "volumes"})) {
    if (text_at(volume, {"name"}) == name) return volume;
  }
  return nothing;
}

std::map<std::string, std::string> volume_files(const cluster& c, const json& pod,
                                                const json& volume) {
  std::map<std::string, std::string> out;
  const auto* rt = c.node().find(text_at(pod, {"metadata", "uid"}));
  for (const auto& from : sources_of(volume)) {
    auto known = rt ? rt->sources.find(from.key()) : decltype(rt->sources.end()){};
    auto found =
        rt && known != rt->sources.end()
            ? known->second
            : c.objects().get(from.table, {text_at(pod, {"metadata", "namespace"}), from.name});
    if (found) add_items(data_of(*found), at_path(*from.spec, {"items"}), out);
  }
  add_downward(c, pod, at_path(volume, {"downwardAPI", "items"}), out);
  for (const auto& one : at_path(volume, {"projected", "sources"})) {
    add_downward(c, pod, at_path(one, {"downwardAPI", "items"}), out);
    const auto& token = at_path(one, {"serviceAccountToken"});
    if (token.is_object()) out[text_at(token, {"path"}, "token")] = account_token(pod, token);
  }
  return out;
}

bool sync_mounts(pod_sync& s) {
  auto& rt = s.rt;
  if (rt.mounted) return false;
  auto now = s.c.now();
  if (rt.mount_next > now) {
    s.wake(rt.mount_next);
    return false;
  }
  std::vector<std::string> unmounted;
  for (const auto& volume : at_path(s.pod, {"spec", "volumes"})) {
    auto problem = problem_of(s.c, rt.ns, volume);
    if (problem.empty()) continue;
    auto name = text_at(volume, {"name"});
    unmounted.push_back(name);
    s.event("Warning", "FailedMount",
            "MountVolume.SetUp failed for volume \"" + name + "\" : " + problem);
  }
  if (unmounted.empty()) {
    rt.mounted = true;
    remember_sources(s);
    return true;
  }
  if (now - rt.mount_told >= patience) {
    if (rt.mount_told != vtime{}) {
      s.event("Warning", "FailedMount",
              "Unable to attach or mount volumes: unmounted volumes=" + list_of(unmounted) +
                  ", unattached volumes=[], failed to process volumes=[]: context deadline "
                  "exceeded");
    }
    rt.mount_told = now;
  }
  rt.mount_backoff =
      rt.mount_backoff == duration{0} ? first_retry : std::min(2 * rt.mount_backoff, longest_retry);
  rt.mount_next = now + rt.mount_backoff;
  s.wake(rt.mount_next);
  return false;
}

void sync_sources(pod_sync& s) {
  auto now = s.c.now();
  for (auto& [key, mounted] : s.rt.sources) {
    auto slash = key.find('/');
    auto current = s.c.objects().get(key.substr(0, slash), {s.rt.ns, key.substr(slash + 1)});
    if (!current || current == mounted) {
      s.rt.stale_since.erase(key);
      continue;
    }
    auto since = s.rt.stale_since.emplace(key, now).first->second;
    if (now - since >= refresh_time) {
      mounted = current;
      s.rt.stale_since.erase(key);
    } else {
      s.wake(since + refresh_time);
    }
  }
}

} // namespace remed::env

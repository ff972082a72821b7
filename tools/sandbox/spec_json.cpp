#include "tools/sandbox/spec_json.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace remed::tools {

namespace {

/// What a model writes out of habit and what cannot exist inside: `sudo` (the uid is 0 already and
/// no_new_privs is set) and k3s' wrapper of kubectl.
constexpr const char* sudo_script = R"(#!/bin/sh
# sudo's options are dropped: everything here runs as uid 0 of the sandbox.
while [ $# -gt 0 ]; do
  case "$1" in
    -u|-g|-h|-p|-C|-r|-t|-T|-U|-D|-R) shift; [ $# -eq 0 ] || shift ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ $# -eq 0 ] || exec "$@"
)";

constexpr const char* k3s_script = R"(#!/bin/sh
if [ "$1" = kubectl ]; then
  shift
  exec kubectl "$@"
fi
echo "k3s: only 'k3s kubectl' is available here" >&2
exit 1
)";

bool is_utf8(const std::string& text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

std::string latin1_as_utf8(const std::string& bytes) {
  std::string out;
  for (unsigned char c : bytes) {
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      out += static_cast<char>(0xc0 | (c >> 6));
      out += static_cast<char>(0x80 | (c & 0x3f));
    }
  }
  return out;
}

json file_json(const std::string& path, const std::string& content, bool executable) {
  auto out = json::object();
  out["path"] = path;
  out["executable"] = executable;
  const bool text = is_utf8(content);
  out["content"] = text ? content : latin1_as_utf8(content);
  if (!text) out["latin1"] = true;
  return out;
}

} // namespace

void add_sandbox_defaults(const sandbox_spec& spec, command& cmd) {
  const bool tools = spec.rootfs == sandbox_spec::root::host_tools;
  if (cmd.cwd.empty()) cmd.cwd = tools ? "/work" : "/";
  cmd.env.emplace("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  cmd.env.emplace("HOME", "/root");
  cmd.env.emplace("TMPDIR", "/tmp");
  if (!tools) return;
  cmd.env.emplace("KUBECONFIG", "/root/.kube/config");
  cmd.env.emplace("K8S_AUTH_KUBECONFIG", "/root/.kube/config");
}

json to_json(const sandbox_spec& spec, const command& cmd) {
  const bool tools = spec.rootfs == sandbox_spec::root::host_tools;
  auto out = json::object();
  out["rootfs"] = tools ? "host_tools" : "pod";
  out["hostname"] = spec.hostname;
  out["files"] = json::array();
  if (tools) {
    out["files"].push_back(file_json("/usr/local/sbin/sudo", sudo_script, true));
    out["files"].push_back(file_json("/usr/local/sbin/k3s", k3s_script, true));
  }
  for (const auto& f : spec.files)
    out["files"].push_back(file_json(f.path, f.content, f.executable));
  out["binds"] = spec.binds;
  out["listener_port"] = spec.api_listener ? sandbox_api_port : 0;
  out["cwd"] = cmd.cwd;
  out["argv"] = cmd.argv;
  out["env"] = cmd.env;
  out["memory_bytes"] = spec.memory_bytes;
  out["total_bytes"] = spec.total_memory_bytes;
  out["cpu_seconds"] = spec.cpu_limit.count();
  out["processes"] = spec.processes;
  out["file_bytes"] = spec.file_bytes;
  out["tmpfs_bytes"] = spec.tmpfs_bytes;
  return out;
}

result<unique_fd> memory_file(const std::string& text) {
  unique_fd fd{::memfd_create("remed", MFD_CLOEXEC)};
  if (!fd.valid()) return failure{errc::failed, std::string("memfd_create: ") + strerror(errno)};
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(fd.get(), text.data() + done, text.size() - done);
    if (n < 0) return failure{errc::failed, std::string("memory file: ") + strerror(errno)};
    done += static_cast<std::size_t>(n);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

} // namespace remed::tools

#include "spec.hpp"

#include <nlohmann/json.hpp>

#include "fail.hpp"

namespace remed::sandbox {
namespace {

using nlohmann::json;

/// Content that is not UTF-8 travels with one code point per byte.
std::string bytes_of(const std::string& latin1) {
  std::string out;
  for (std::size_t i = 0; i < latin1.size(); ++i) {
    const auto c = static_cast<unsigned char>(latin1[i]);
    if (c < 0x80 || i + 1 == latin1.size()) {
      out += latin1[i];
    } else {
      out += static_cast<char>(((c & 0x03) << 6) | (latin1[++i] & 0x3f));
    }
  }
  return out;
}

file parse_file(const json& j) {
  file f{j.at("path"), j.at("content"), j.value("executable", false)};
  if (j.value("latin1", false)) f.content = bytes_of(f.content);
  return f;
}

void check_path(const std::string& path) {
  const bool climbs = (path + "/").find("/../") != std::string::npos;
  if (path.empty() || path[0] != '/' || climbs) {
    fail_with("spec: path inside must be absolute and without '..': '" + path + "'");
  }
}

void check(const spec& s) {
  for (const auto& f : s.files) check_path(f.path);
  for (const auto& [inside, host] : s.binds) {
    check_path(inside);
    check_path(host);
  }
  check_path(s.cwd);
}

spec read(const json& j) {
  spec s;
  s.pod = j.value("rootfs", "host_tools") == "pod";
  s.hostname = j.value("hostname", s.hostname);
  for (const auto& f : j.value("files", json::array())) s.files.push_back(parse_file(f));
  s.binds = j.value("binds", s.binds);
  s.listener_port = j.value("listener_port", s.listener_port);
  s.control_fd = j.value("control_fd", s.control_fd);
  s.keep_fds = j.value("keep_fds", s.keep_fds);
  s.cwd = j.value("cwd", s.cwd);
  s.argv = j.value("argv", s.argv);
  s.env = j.value("env", s.env);
  s.memory_bytes = j.value("memory_bytes", s.memory_bytes);
  s.total_bytes = j.value("total_bytes", s.total_bytes);
  s.cpu_seconds = j.value("cpu_seconds", s.cpu_seconds);
  s.processes = j.value("processes", s.processes);
  s.file_bytes = j.value("file_bytes", s.file_bytes);
  s.tmpfs_bytes = j.value("tmpfs_bytes", s.tmpfs_bytes);
  return s;
}

} // namespace

spec parse_spec(const std::string& text) {
  try {
    const auto j = json::parse(text);
    set_control(j.value("control_fd", -1));
    auto s = read(j);
    check(s);
    return s;
  } catch (const std::exception& e) {
    fail_with(std::string("spec: ") + e.what());
  }
}

} // namespace remed::sandbox

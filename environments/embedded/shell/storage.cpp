// mount, df, dd: the container's file systems.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/effect_rules.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/file_trouble.hpp"
#include "environments/embedded/shell/files.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

/// A FUSE write request carries at most this much.
constexpr double request_bytes = 128 * 1024;
constexpr double disk_bytes_per_second = 450e6;
constexpr double disk_bytes = 100e9;

/// "1M", "4k", "512"; 0 when it is no size.
double size_of(const std::string& text) {
  char* end = nullptr;
  auto n = std::strtod(text.c_str(), &end);
  auto unit = std::string(end);
  if (unit.empty() || unit == "c") return n;
  if (unit == "k" || unit == "K" || unit == "kB" || unit == "KiB") return n * 1024;
  if (unit == "M" || unit == "MB" || unit == "MiB" || unit == "m") return n * 1024 * 1024;
  if (unit == "G" || unit == "GB") return n * 1024 * 1024 * 1024;
  if (unit == "b") return n * 512;
  return 0;
}

struct copy_job {
  std::string from, to, error;
  double block = 512, count = -1;
};

copy_job parse_dd(const std::vector<std::string>& argv) {
  copy_job out;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    auto equals = argv[i].find('=');
    auto key = argv[i].substr(0, equals);
    auto value = equals == std::string::npos ? "" : argv[i].substr(equals + 1);
    if (key == "if")
      out.from = value;
    else if (key == "of")
      out.to = value;
    else if (key == "bs")
      out.block = size_of(value);
    else if (key == "count")
      out.count = size_of(value);
    else if (key != "conv" && key != "oflag" && key != "iflag" && key != "status" &&
             key != "seek") {
      out.error = "dd: unrecognized operand '" + argv[i] + "'\n";
    }
  }
  if (out.block <= 0) out.error = "dd: invalid number\n";
  return out;
}

bool folder_exists(const shell_call& s, const std::string& path) {
  if (path.empty()) return true;
  auto slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return true;
  auto folder = path.substr(0, slash);
  for (const auto* base : {"/tmp", "/dev", "/root", "/var", "/var/log", "/etc", "/home", "/run"}) {
    if (folder == base) return true;
  }
  for (const auto& m : container_mounts(s.c, s.pod, s.runs)) {
    if (m.path == folder) return true;
  }
  return false;
}

} // namespace

shell_result shell_mount(const shell_call& s) {
  if (s.argv.size() > 1 && s.argv[1] != "-l" && s.argv[1] != "-t") {
    return complain(32, "mount: permission denied (are you root?)\n");
  }
  std::string out;
  for (const auto& m : container_mounts(s.c, s.pod, s.runs)) {
    out += m.source + " on " + m.path + " type " + m.type + " (" + m.options + ")\n";
  }
  return print(out);
}

shell_result shell_umount(const shell_call& s) {
  auto what = s.argv.size() > 1 ? s.argv.back() : std::string{};
  return complain(1, "umount: can't unmount " + what + ": Operation not permitted\n");
}

shell_result shell_df(const shell_call& s) {
  auto human = std::find(s.argv.begin(), s.argv.end(), "-h") != s.argv.end();
  auto show = [&](double bytes) {
    if (!human) return format("%.0f", bytes / 1024);
    if (bytes >= 1e9) return format("%.1fG", bytes / 1024 / 1024 / 1024);
    return format("%.1fM", bytes / 1024 / 1024);
  };
  std::string only;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    if (s.argv[i][0] != '-') only = s.argv[i];
  }
  std::string out = human ? "Filesystem                Size      Used Available Use% Mounted on\n"
                          : "Filesystem           1K-blocks      Used Available Use% Mounted on\n";
  bool any = false;
  for (const auto& m : container_mounts(s.c, s.pod, s.runs)) {
    auto disk = m.type == "overlay" || m.volume || m.type == "ext4";
    if (!disk && m.type != "tmpfs") continue;
    if (!only.empty() && m.path != only) continue;
    any = true;
    auto size = disk ? disk_bytes : 64.0 * 1024 * 1024;
    auto used = disk ? disk_bytes * 0.23 : 0;
    out += format("%-20s %10s %9s %9s %3.0f%% %s\n", m.source.c_str(), show(size).c_str(),
                  show(used).c_str(), show(size - used).c_str(), 100 * used / size, m.path.c_str());
  }
  if (!only.empty() && !any) return complain(1, "df: " + only + ": can't find mount point\n");
  const auto trouble = only.empty() ? file_trouble{} : draw_trouble(s, only, {{"statfs"}});
  if (trouble.error) return complain(1, "df: " + only + ": " + error_text(trouble.error) + "\n");
  return print(out, trouble.seconds);
}

shell_result shell_dd(const shell_call& s) {
  auto job = parse_dd(s.argv);
  if (!job.error.empty()) return complain(1, job.error);
  if (!folder_exists(s, job.to)) {
    return complain(1, "dd: can't open '" + job.to + "': No such file or directory\n");
  }
  auto blocks = job.count >= 0 ? job.count : 1;
  auto bytes = blocks * job.block;
  auto takes = bytes / disk_bytes_per_second + 0.001;
  const auto requests = blocks * std::ceil(job.block / request_bytes);
  bool troubled = false;
  for (const auto& path : {job.to, job.from}) {
    if (path.empty()) continue;
    const bool writes = path == job.to;
    // Opening, flushing and closing are requests too.
    const auto trouble = draw_trouble(s, path,
                                      {{writes ? "create" : "open"},
                                       {writes ? "write" : "read", requests},
                                       {"flush"},
                                       {"release"}});
    if (trouble.error) {
      const auto* verb = writes ? "writing" : "reading";
      return complain(1, std::string("dd: error ") + verb + " '" + path +
                             "': " + error_text(trouble.error) + "\n");
    }
    troubled = troubled || !io_effects_on(s.c, s.uid, s.container, path).empty();
    takes += trouble.seconds;
  }
  shell_result out;
  out.takes = from_seconds(takes);
  // A small file on an undisturbed path: where there is a real one, write it.
  out.real = !troubled && bytes <= 16.0 * 1024 * 1024;
  auto n = static_cast<long>(blocks);
  out.err = format("%ld+0 records in\n%ld+0 records out\n", n, n);
  auto rate = bytes / takes;
  auto rate_text =
      rate >= 1e6 ? format("%.1fMB/s", rate / 1048576) : format("%.1fKB/s", rate / 1024);
  out.err += format("%.0f bytes (%.1f%s) copied, %.6f seconds, %s\n", bytes,
                    bytes >= 1048576 ? bytes / 1048576 : bytes / 1024,
                    bytes >= 1048576 ? "MB" : "KB", takes, rate_text.c_str());
  return out;
}

shell_result shell_touch(const shell_call& s) {
  shell_result out;
  for (std::size_t i = 1; i < s.argv.size(); ++i) {
    const auto& path = s.argv[i];
    if (path[0] == '-') continue;
    if (!folder_exists(s, path)) {
      return complain(1, "touch: " + path + ": No such file or directory\n");
    }
    const auto trouble =
        draw_trouble(s, path, {{"lookup"}, {"create"}, {"setattr"}, {"flush"}, {"release"}});
    if (trouble.error) {
      return complain(1, "touch: " + path + ": " + error_text(trouble.error) + "\n");
    }
    out.takes += from_seconds(trouble.seconds);
  }
  out.real = true;
  return out;
}

} // namespace remed::env

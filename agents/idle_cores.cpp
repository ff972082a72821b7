#include "agents/process_gate.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

namespace remed::agents {

namespace {

using clock = std::chrono::steady_clock;
/// The kernel counts in hundredths of a second.
constexpr std::chrono::milliseconds shortest{20};
/// What was longer ago says little of now.
constexpr std::chrono::milliseconds longest{200};

/// Seconds that all cores together had nothing to do since boot: the idle and iowait columns of
/// /proc/stat (proc_stat(5)). None where there is no such file.
std::optional<double> idle_seconds() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0;
  if (!(file >> cpu >> user >> nice >> system >> idle >> iowait)) return std::nullopt;
  return static_cast<double>(idle + iowait) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

} // namespace

process_gate::idle_cores idle_cores_of_this_machine() {
  struct reading {
    clock::time_point at;
    double idle_s;
  };
  return [last = std::optional<reading>()]() mutable -> std::optional<double> {
    const auto now = clock::now();
    if (last && now - last->at < shortest) return std::nullopt;
    const auto idle = idle_seconds();
    if (!idle) return std::nullopt;
    const auto before = std::exchange(last, reading{now, *idle});
    if (!before || now - before->at > longest) return std::nullopt;
    return (*idle - before->idle_s) / std::chrono::duration<double>(now - before->at).count();
  };
}

} // namespace remed::agents

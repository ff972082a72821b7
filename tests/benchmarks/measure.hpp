// CPU and wall time, memory, and a line for people: what every benchmark prints.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace remed::benchmarks {

/// CPU seconds (user + system) of this process so far.
inline double cpu_seconds(int who = RUSAGE_SELF) {
  rusage use{};
  getrusage(who, &use);
  const auto s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return s(use.ru_utime) + s(use.ru_stime);
}

/// Resident memory of this process. Bytes.
inline double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double pages = 0, resident = 0;
  in >> pages >> resident;
  return resident * 4096;
}

/// An environment variable, or what stands for it when it is not set.
inline std::string text_of(const char* variable, const char* otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr && *text != 0 ? text : otherwise;
}

class stopwatch {
public:
  double wall() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count();
  }
  double cpu() const { return cpu_seconds() - cpu_; }

private:
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  double cpu_ = cpu_seconds();
};

inline void line(const std::string& what, double value, const char* unit) {
  std::printf("%-62s %14.3f %s\n", what.c_str(), value, unit);
  std::fflush(stdout);
}

} // namespace remed::benchmarks

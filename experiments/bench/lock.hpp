// One writer for a bench's folder. The kernel frees the lock of a process that died, however it
// died.
#pragma once

#include "runtime/result.hpp"

#include <filesystem>

namespace remed::experiments {

class bench_lock {
public:
  /// Refused (errc::refused) with a text that names the holder when another process has it.
  static result<bench_lock> take(const std::filesystem::path& folder);
  /// Whether a process writes to this bench now.
  static bool is_held(const std::filesystem::path& folder);

  bench_lock(bench_lock&& other) noexcept;
  bench_lock& operator=(bench_lock&& other) noexcept;
  ~bench_lock();

private:
  explicit bench_lock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

} // namespace remed::experiments

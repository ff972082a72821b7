#include "experiments/bench/lock.hpp"

#include "runtime/paths.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace remed::experiments {

namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& folder) {
  return folder / "lock";
}

std::string own_name() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return "process " + std::to_string(::getpid()) + " on " + host;
}

} // namespace

result<bench_lock> bench_lock::take(const fs::path& folder) {
  std::error_code ec;
  fs::create_directories(folder, ec);
  const auto file = file_of(folder);
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return failure{errc::failed, file.string() + ": " + std::strerror(errno)};
  bench_lock mine(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return failure{errc::failed, file.string() + ": " + std::strerror(errno)};
    }
    auto holder = read_file(file);
    return failure{errc::refused, folder.string() + " is being written by " +
                                      (holder && !holder->empty() ? *holder : "another process") +
                                      "; wait for it, or end it with `remed bench cancel " +
                                      folder.string() + "`"};
  }
  const auto name = own_name();
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, name.data(), name.size(), 0) < 0) {
    return failure{errc::failed, file.string() + ": " + std::strerror(errno)};
  }
  return mine;
}

bool bench_lock::is_held(const fs::path& folder) {
  const int fd = ::open(file_of(folder).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool held = ::flock(fd, LOCK_EX | LOCK_NB) != 0;
  ::close(fd);
  return held;
}

bench_lock::bench_lock(bench_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

bench_lock& bench_lock::operator=(bench_lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bench_lock::~bench_lock() {
  if (fd_ >= 0) ::close(fd_);
}

} // namespace remed::experiments

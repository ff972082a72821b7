#include "runtime/paths.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace remed {

std::filesystem::path data_root() {
  if (const char* home = std::getenv("REMED_HOME")) return home;
  return REMED_DEFAULT_HOME;
}

result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return failure{errc::bad_input, path.string() + ": " + std::strerror(errno)};
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return failure{errc::failed, path.string() + ": cannot be read"};
  return text;
}

result<void> sync_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (!done) return failure{errc::failed, path.string() + ": " + std::strerror(why)};
  return {};
}

} // namespace remed

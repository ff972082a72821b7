// Reads tar archives (ustar with GNU long names), as `tar c` of busybox writes them.
#pragma once

#include "runtime/result.hpp"

#include <map>
#include <string>
#include <string_view>

namespace remed::tools {

struct tar_file {
  std::string content;
  bool executable = false;
  bool operator==(const tar_file&) const = default;
};

/// The regular files of an archive by path as written in it; folders and links are left out. A
/// malformed archive is errc::bad_input.
result<std::map<std::string, tar_file>> read_tar(std::string_view archive);

} // namespace remed::tools

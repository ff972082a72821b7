#include "tools/kubectl.hpp"

#include <unistd.h>

#include <filesystem>

namespace remed::tools {

std::string direct_kubectl(const std::string& server_version) {
  const auto major = server_version.find_first_of("0123456789");
  if (major == std::string::npos) return {};
  const auto dot = server_version.find('.', major);
  if (dot == std::string::npos) return {};
  const auto end = server_version.find_first_not_of("0123456789", dot + 1);
  const auto version = server_version.substr(major, std::min(end, server_version.size()) - major);
  std::error_code ec;
  const auto dispatcher = std::filesystem::canonical("/usr/bin/kubectl", ec);
  if (ec) return {};
  const auto client = dispatcher.parent_path() / (dispatcher.filename().string() + "." + version);
  return ::access(client.c_str(), X_OK) == 0 ? client.string() : std::string();
}

} // namespace remed::tools

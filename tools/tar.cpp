#include "tools/tar.hpp"

#include <cstdlib>

namespace remed::tools {

namespace {

constexpr std::size_t block = 512;

std::string text_at(std::string_view header, std::size_t at, std::size_t size) {
  auto field = header.substr(at, size);
  return std::string(field.substr(0, field.find('\0')));
}

std::size_t number_at(std::string_view header, std::size_t at, std::size_t size) {
  return std::strtoul(text_at(header, at, size).c_str(), nullptr, 8);
}

} // namespace

result<std::map<std::string, tar_file>> read_tar(std::string_view archive) {
  std::map<std::string, tar_file> out;
  std::string long_name;
  while (archive.size() >= block && archive[0] != '\0') {
    auto header = archive.substr(0, block);
    auto size = number_at(header, 124, 12);
    auto padded = (size + block - 1) / block * block;
    if (header.substr(257, 5) != "ustar" || size > archive.size() ||
        padded > archive.size() - block) {
      return failure{errc::bad_input, "not a whole tar archive"};
    }
    auto content = archive.substr(block, size);
    auto type = header[156];
    auto prefix = header[262] == '\0' ? text_at(header, 345, 155) : std::string{};
    auto name = long_name.empty() ? text_at(header, 0, 100) : long_name;
    if (!prefix.empty() && long_name.empty()) name = prefix + "/" + name;
    long_name.clear();
    if (type == 'L')
      long_name = std::string(content.substr(0, content.find('\0')));
    else if (type == '0' || type == '\0')
      out[name] = {std::string(content), (number_at(header, 100, 8) & 0111) != 0};
    archive.remove_prefix(block + padded);
  }
  return out;
}

} // namespace remed::tools

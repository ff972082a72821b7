#include "environments/embedded/shell/images.hpp"

#include "environments/systems/yaml_reader.hpp"
#include "runtime/paths.hpp"

#include <spdlog/spdlog.h>

namespace remed::env {

namespace {

struct row {
  std::regex image;
  image_tools tools;
};

image_tools::family family_of(const yaml_map& m) {
  auto name = m.text("family");
  if (name == "busybox") return image_tools::family::busybox;
  if (name == "debian") return image_tools::family::debian;
  if (name == "none") return image_tools::family::none;
  m.fail("family", "must be busybox, debian or none");
}

std::set<std::string> names(const yaml_map& m, const std::string& key) {
  auto all = m.texts(key);
  return {all.begin(), all.end()};
}

std::vector<row> read_rows(const yaml_map& m) {
  std::vector<row> out;
  for (const auto& one : m.maps("images")) {
    image_tools tools{family_of(one), names(one, "shells"), names(one, "lacks"),
                      names(one, "extra")};
    try {
      out.push_back({std::regex(one.text("image")), std::move(tools)});
    } catch (const std::regex_error& e) {
      one.fail("image", std::string("is no regular expression: ") + e.what());
    }
    one.refuse_unknown({"image", "family", "shells", "lacks", "extra"});
  }
  m.refuse_unknown({"images"});
  return out;
}

/// "docker.io/library/busybox:1.35@sha256:…" → "library/busybox"
std::string repository(std::string image) {
  image = image.substr(0, image.find('@'));
  auto slash = image.rfind('/');
  auto colon = image.rfind(':');
  if (colon != std::string::npos && (slash == std::string::npos || colon > slash)) {
    image = image.substr(0, colon);
  }
  slash = image.find('/');
  if (slash == std::string::npos) return image;
  auto first = image.substr(0, slash);
  auto is_registry = first.find_first_of(".:") != std::string::npos || first == "localhost";
  return is_registry ? image.substr(slash + 1) : image;
}

const std::vector<row>& table() {
  static const auto rows = [] {
    auto file = data_root() / "environments" / "embedded" / "shell" / "images.yaml";
    auto read = read_yaml<std::vector<row>>(file, read_rows);
    if (!read) spdlog::error("pod shell: {}", read.why().what);
    return read ? *read : std::vector<row>{};
  }();
  return rows;
}

std::string last_part(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

} // namespace

bool image_tools::has(const std::string& command) const {
  if (kind == family::none) return false;
  auto name = last_part(command);
  return lacks.count(name) == 0;
}

bool image_tools::has_shell(const std::string& command) const {
  return shells.count(last_part(command)) > 0;
}

const image_tools& tools_of_image(const std::string& image) {
  static const image_tools bare{image_tools::family::debian, {"sh"}, {}, {}};
  auto name = repository(image);
  for (const auto& one : table()) {
    if (std::regex_match(name, one.image)) return one.tools;
  }
  return bare;
}

} // namespace remed::env

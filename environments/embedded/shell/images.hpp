// Which programs the images of containers hold.
#pragma once

#include "runtime/result.hpp"

#include <filesystem>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace remed::env {

/// What one image offers to an exec.
struct image_tools {
  enum class family { busybox, debian, none } kind = family::debian;
  std::set<std::string> shells; ///< sh, bash, …
  std::set<std::string> lacks;  ///< of the commands its family has
  std::set<std::string> extra;  ///< and what it has beside them
  /// The image has an executable of this name (a path counts by its last part).
  bool has(const std::string& command) const;
  bool has_shell(const std::string& command) const;
};

/// The tools of an image by its reference, from environments/embedded/shell/images.yaml.
/// An unreadable table yields images with nothing but a shell.
const image_tools& tools_of_image(const std::string& image);

} // namespace remed::env

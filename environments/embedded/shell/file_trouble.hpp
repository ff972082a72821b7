// What is done to the file operations of a command in a pod: delays, errors, wrong bytes, false
// attributes.
#pragma once

#include "environments/embedded/shell/command.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// Operations on a path by the name of their FUSE method: {"write", 80}.
struct file_operations {
  const char* method;
  double count = 1;
};

struct file_trouble {
  double seconds = 0; ///< that they take longer
  int error = 0;      ///< the errno that one of them meets; 0: none does
};

/// Each operation is drawn, so that a short test can be lucky and a long one cannot.
file_trouble draw_trouble(const shell_call& s, const std::string& path,
                          const std::vector<file_operations>& all);

/// What a reader gets of `content`: some stretches of it are other bytes where reads make mistakes.
std::string misread(const shell_call& s, const std::string& path, std::string content);

/// Attributes that are not told as they are: {"perm": 72, "size": 0}; no member that is.
json false_attributes(const shell_call& s, const std::string& path);

} // namespace remed::env

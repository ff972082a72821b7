// A process that a test can find again among all of the machine, other runs of the tests included.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace remed::tools::testing {

class marked_sleep {
public:
  /// `seconds` tells one test's sleeps from another's.
  explicit marked_sleep(int seconds)
      : length_(std::to_string(seconds) + "." + std::to_string(::getpid())) {}

  /// "sleep 31.4711"
  std::string command() const { return "sleep " + length_; }
  /// Some process runs it right now.
  bool runs() const {
    auto pattern = length_;
    pattern.replace(pattern.find('.'), 1, "[.]");
    return std::system(("ps -eo args | grep -q '^sleep " + pattern + "'").c_str()) == 0;
  }

private:
  std::string length_;
};

} // namespace remed::tools::testing

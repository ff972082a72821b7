// Orders to a running bench, through a file in its folder that anybody with access may append to.
#pragma once

#include "runtime/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace remed::experiments {

/// Tells the bench that runs in `folder` to cancel one experiment, or all (empty id).
result<void> order_cancel(const std::filesystem::path& folder, const std::string& id);

/// The bench's side: what was ordered since the last look.
class bench_control {
public:
  /// Orders from before this sitting are not for it.
  explicit bench_control(const std::filesystem::path& folder);
  /// Ids to cancel; an empty one means all. Cheap when there is nothing new.
  std::vector<std::string> look();

private:
  std::filesystem::path file_;
  std::uintmax_t read_ = 0;
};

} // namespace remed::experiments

// Collects a stream of output up to a limit, keeping its beginning and its end.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace remed::tools {

class capped_output {
public:
  explicit capped_output(std::size_t limit) : limit_(limit) {}

  void append(std::string_view text);
  /// Whether something is missing from what `take` returned.
  bool truncated() const { return dropped_ > 0; }
  /// Bytes that came, kept or not.
  std::size_t seen() const { return seen_; }
  /// What was kept; where something is missing a line says how many bytes. The cuts respect UTF-8.
  std::string take();

private:
  std::size_t limit_, seen_ = 0;
  std::string head_, tail_;
  std::size_t dropped_ = 0;
};

/// Why a child was killed that wrote more than `limit` bytes.
std::string flood_text(std::size_t limit);

} // namespace remed::tools

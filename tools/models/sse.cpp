#include "tools/models/sse.hpp"

#include <utility>

namespace remed::tools {

void sse_parser::feed(std::string_view piece) {
  if (after_cr_ && !piece.empty()) {
    // The LF of a CRLF whose CR ended the last piece.
    if (piece.front() == '\n') piece.remove_prefix(1);
    after_cr_ = false;
  }
  while (!piece.empty()) {
    auto end = piece.find_first_of("\r\n");
    line_ += piece.substr(0, end);
    if (end == std::string_view::npos) return;
    const bool cr = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    auto line = std::exchange(line_, {});
    take_line(line);
    if (!cr) continue;
    if (piece.empty())
      after_cr_ = true;
    else if (piece.front() == '\n')
      piece.remove_prefix(1);
  }
}

void sse_parser::take_line(std::string_view line) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (std::exchange(first_line_, false) && line.substr(0, 3) == byte_order_mark)
    line.remove_prefix(3);
  if (line.empty()) {
    auto event = std::exchange(event_, {});
    if (std::exchange(has_data_, false)) on_event_(event);
    return;
  }
  auto colon = line.find(':');
  auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "event") event_.type = value;
  if (field != "data") return; // comments (an empty name), id, retry and unknown fields
  if (has_data_) event_.data += '\n';
  event_.data += value;
  has_data_ = true;
}

} // namespace remed::tools

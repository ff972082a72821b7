// Server-sent events (the WHATWG event stream format) as they come over the wire, in any pieces.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace remed::tools {

struct sse_event {
  std::string type; ///< empty: "message"
  std::string data; ///< several data lines are joined by a line feed
};

class sse_parser {
public:
  explicit sse_parser(std::function<void(const sse_event&)> on_event)
      : on_event_(std::move(on_event)) {}

  /// Lines may end in LF, CRLF or CR; a piece may end anywhere, also inside a character.
  void feed(std::string_view piece);

private:
  void take_line(std::string_view line);

  std::function<void(const sse_event&)> on_event_;
  std::string line_;
  sse_event event_;
  bool has_data_ = false;
  bool first_line_ = true;
  bool after_cr_ = false;
};

} // namespace remed::tools

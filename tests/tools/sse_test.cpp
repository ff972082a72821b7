#include "tools/models/sse.hpp"

#include <doctest/doctest.h>

#include <vector>

using remed::tools::sse_event;
using remed::tools::sse_parser;

namespace {

std::vector<std::string> parse(const std::string& text, std::size_t piece) {
  std::vector<std::string> out;
  sse_parser parser([&](const sse_event& e) { out.push_back(e.type + '|' + e.data); });
  for (std::size_t at = 0; at < text.size(); at += piece)
    parser.feed(std::string_view(text).substr(at, piece));
  return out;
}

} // namespace

TEST_CASE("events are the same with each line ending and wherever the pieces are cut") {
  const std::vector<std::string> lines{
      "\xef\xbb\xbf"
      "data: ein Ü€𝄞",
      "",
      ": comment",
      "",
      "event: x",
      "data:no space",
      "data:  two",
      "id: 7",
      "retry: 10",
      "",
      "data",
      "",
      "event: lost",
      "",
      "data: [DONE]",
      ""};
  const std::vector<std::string> expected{"|ein Ü€𝄞", "x|no space\n two", "|", "|[DONE]"};
  for (const char* ending : {"\n", "\r\n", "\r"}) {
    std::string text;
    for (const auto& line : lines) text += line + ending;
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      CAPTURE(piece);
      CHECK(parse(text, piece) == expected);
    }
  }
}

TEST_CASE("an event that was not ended by a blank line does not count") {
  CHECK(parse("data: half\n", 3).empty());
  CHECK(parse("data: half", 3).empty());
}

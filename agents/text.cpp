#include "agents/text.hpp"

namespace remed::agents {

namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// A fence that opens at `at` (the position of its first backtick): info word, body, where it ends.
struct fence {
  std::string info;
  std::size_t body = 0, body_end = 0, end = 0;
};

bool read_fence(std::string_view text, std::size_t at, fence& out) {
  const auto line_end = text.find('\n', at);
  if (line_end == std::string_view::npos) return false;
  out.info = std::string(trim(text.substr(at + 3, line_end - at - 3)));
  out.body = line_end + 1;
  auto search = line_end;
  while (true) {
    const auto close = text.find("\n```", search);
    if (close == std::string_view::npos) return false;
    const auto after = close + 4;
    const auto rest = text.substr(after, text.find('\n', after) - after);
    if (trim(rest).empty()) {
      out.body_end = close + 1;
      out.end = after;
      return true;
    }
    search = close + 1;
  }
}

} // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string fill(std::string_view text, const std::map<std::string, std::string>& values) {
  std::string out;
  std::size_t from = 0;
  while (from < text.size()) {
    const auto open = text.find("{{", from);
    const auto close = open == std::string_view::npos ? open : text.find("}}", open);
    if (close == std::string_view::npos) break;
    out += text.substr(from, open - from);
    const auto name = std::string(trim(text.substr(open + 2, close - open - 2)));
    const auto value = values.find(name);
    out += value == values.end() ? std::string(text.substr(open, close + 2 - open)) : value->second;
    from = close + 2;
  }
  out += text.substr(from);
  return out;
}

std::string shorten(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  auto head = limit * 2 / 3;
  auto tail = text.size() - (limit - head);
  while (head > 0 && continues_character(text[head])) --head;
  while (tail < text.size() && continues_character(text[tail])) ++tail;
  return text.substr(0, head) + "\n[... " + std::to_string(tail - head) + " bytes left out ...]\n" +
         text.substr(tail);
}

unfenced strip_fence(std::string_view text) {
  const auto inner = trim(text);
  fence found;
  const bool whole = inner.starts_with("```") && read_fence(inner, 0, found) &&
                     trim(inner.substr(found.end)).empty();
  if (!whole) return {std::string(text), false};
  return {std::string(inner.substr(found.body, found.body_end - found.body)), true};
}

std::string first_yaml_block(std::string_view text) {
  std::size_t from = 0;
  while (true) {
    auto at = text.find("```", from);
    if (at == std::string_view::npos) return {};
    fence found;
    if (!read_fence(text, at, found)) return {};
    if (found.info.empty() || found.info == "yaml" || found.info == "yml" ||
        found.info == "ansible") {
      return std::string(text.substr(found.body, found.body_end - found.body));
    }
    from = found.end;
  }
}

} // namespace remed::agents

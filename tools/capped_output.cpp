#include "tools/capped_output.hpp"

#include <algorithm>

namespace remed::tools {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// How many bytes at the end of `text` begin a character that is not complete.
std::size_t torn_end(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(4, text.size()); ++back) {
    auto c = static_cast<unsigned char>(text[text.size() - back]);
    if (is_continuation(static_cast<char>(c))) continue;
    std::size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    return need > back ? back : 0;
  }
  return 0;
}

std::size_t torn_begin(std::string_view text) {
  std::size_t n = 0;
  while (n < 3 && n < text.size() && is_continuation(text[n])) ++n;
  return n;
}

} // namespace

void capped_output::append(std::string_view text) {
  seen_ += text.size();
  const auto head_limit = limit_ - limit_ / 2, tail_limit = limit_ / 2;
  if (head_.size() < head_limit) {
    auto part = text.substr(0, head_limit - head_.size());
    head_ += part;
    text.remove_prefix(part.size());
  }
  tail_ += text;
  // Trimmed only when twice too long, so that a flood of small pieces costs linear time.
  if (tail_.size() > 2 * tail_limit + 4096) {
    dropped_ += tail_.size() - tail_limit;
    tail_.erase(0, tail_.size() - tail_limit);
  }
}

std::string capped_output::take() {
  const auto tail_limit = limit_ / 2;
  if (tail_.size() > tail_limit) {
    dropped_ += tail_.size() - tail_limit;
    tail_.erase(0, tail_.size() - tail_limit);
  }
  if (dropped_ > 0) {
    auto torn = torn_end(head_);
    head_.resize(head_.size() - torn);
    auto begin = torn_begin(tail_);
    tail_.erase(0, begin);
    dropped_ += torn + begin;
    head_ += "\n... " + std::to_string(dropped_) + " bytes left out ...\n";
  }
  return std::move(head_) + std::move(tail_);
}

std::string flood_text(std::size_t limit) {
  return "output: more than " + std::to_string(limit >> 20) + " MiB written";
}

} // namespace remed::tools

#include "agents/shell_words.hpp"

#include <utility>

namespace remed::agents {

std::vector<std::string> shell_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  auto end = [&] {
    if (open && !word.empty()) words.push_back(std::exchange(word, {}));
    open = false;
  };
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else if (c == '\\' && quote == '"' && i + 1 < line.size())
        word += line[++i];
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      if (line[++i] != '\n') word += line[i];
      open = true;
    } else if (std::string_view(" \t\r").find(c) != std::string_view::npos) {
      end();
    } else if (std::string_view(";|&\n()`{}<>").find(c) != std::string_view::npos) {
      end();
      words.emplace_back();
    } else {
      word += c;
      open = true;
    }
  }
  end();
  return words;
}

} // namespace remed::agents

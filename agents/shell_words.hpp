// Splits a shell line into words, for rules that look at commands; it runs nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace remed::agents {

/// The words with their quotes removed. An empty word stands for anything between commands: pipes,
/// redirections, semicolons, line ends, brackets, back-quotes. A quoted empty argument is left out.
std::vector<std::string> shell_words(std::string_view line);

} // namespace remed::agents

#include "runtime/config.hpp"

#include <algorithm>
#include <numeric>

namespace remed {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row.back();
}

} // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 2) + 1;
  for (const auto& candidate : candidates) {
    const auto distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

failure detail::unknown_key(const yaml_document& doc, const std::string& pointer,
                            const std::string& key, const std::vector<std::string>& known) {
  auto text = "\"" + key + "\" is not known here";
  const auto near = nearest(key, known);
  if (!near.empty()) {
    text += "; did you mean \"" + near + "\"?";
  } else {
    text += "; known are";
    for (const auto& name : known) text += (&name == &known.front() ? " " : ", ") + name;
  }
  const auto inner = pointer + "/" + key;
  return doc.at(doc.lines.contains(inner) ? inner : pointer, text);
}

} // namespace remed

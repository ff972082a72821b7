// The cells of a row with room for what depends on when it is looked at: objects are immutable, so
// their cells are, but for ages.
#pragma once

#include "runtime/json_value.hpp"
#include "runtime/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

/// Stands for the present in printers: whatever is an age is left open.
class ages {
public:
  /// The place of "BEFORE5m3sAFTER", for a cell.
  json since(vtime t, std::string before = {}, std::string after = {});
  /// Likewise of a time stamp; "<unknown>" when it is none.
  json since(const json& stamp);

private:
  friend class cell_draft;
  struct age {
    vtime since{};
    std::string before, after;
  };
  std::vector<age> all_;
};

class cell_draft {
public:
  /// `cells` are a printer's, with places that `open` gave it.
  cell_draft(json cells, ages open);

  /// The cells as they are at a moment.
  json at(vtime now) const;
  /// Appends each of them as the text that is shown of it.
  void append_texts(vtime now, std::vector<std::string>& out) const;

private:
  json cells_;                                          ///< without what is open
  std::vector<std::pair<std::size_t, ages::age>> open_; ///< by index of the cell
};

/// Appends each cell as the text that is shown of it: a text as it is, anything else as JSON.
void append_texts(const json& cells, std::vector<std::string>& out);

/// The cells of a built-in kind; none when it has no printer of its own.
std::optional<cell_draft> drafted_cells(const std::string& plural, const json& obj);

} // namespace remed::env

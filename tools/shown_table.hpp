// A table as texts, for whoever asks in this process and only shows it: nobody builds a document
// for it and takes that apart again.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace remed::tools {

struct shown_table {
  struct column {
    std::string name;
    bool only_wide = false; ///< left out but when everything is asked for
  };

  std::shared_ptr<const std::vector<column>> columns;
  std::vector<std::string> cells;  ///< row by row; in each as many as there are columns
  std::vector<std::string> places; ///< the namespace of each row; empty: not told

  std::size_t rows() const { return columns->empty() ? 0 : cells.size() / columns->size(); }
};

} // namespace remed::tools

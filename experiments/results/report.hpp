// A report as titled tables of text, whatever it is rendered as.
#pragma once

#include "experiments/results/ledger.hpp"
#include "experiments/results/study.hpp"

#include <string>
#include <vector>

namespace remed::experiments {

struct report_table {
  std::string title;
  std::vector<std::string> notes; ///< what must be known to read it
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::size_t text_columns = 1; ///< from the left; the others hold numbers
};

struct report {
  std::string title;
  std::vector<std::string> notes;
  std::vector<report_table> tables;
};

/// Everything about the benches together.
report make_report(const std::vector<bench_results>& benches, const study& s);
/// Who is best: rankings only.
report make_board(const std::vector<bench_results>& benches, const study& s);

/// The finished records of benches, in the order given.
std::vector<record> finished_records(const std::vector<bench_results>& benches);

/// GitHub's Markdown; what models wrote cannot break out of a cell.
std::string to_markdown(const report& r);
/// One file with everything in it; no script; all text escaped.
std::string to_html(const report& r);

} // namespace remed::experiments

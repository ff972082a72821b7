#include "experiments/results/report.hpp"

#include <sstream>

namespace remed::experiments {

namespace {

/// For Markdown that renders HTML: neither markup nor a cell's end may come from the text.
std::string escape_markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '|':
      case '\\':
      case '`':
      case '*':
      case '[':
        out += '\\';
        out += c;
        break;
      case '<':
        out += "&lt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '\n':
      case '\r':
        out += ' ';
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// Follows the reader's theme; wide tables scroll by themselves.
constexpr const char* style = R"(
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h2 { margin-top: 2.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); text-align: right; white-space: nowrap; }
th.t, td.t { text-align: left; }
thead th { border-bottom: 2px solid currentColor; }
tbody tr:hover { background: color-mix(in srgb, currentColor 7%, transparent); }
p.note { opacity: .75; }
)";

void cell(std::ostream& out, const char* tag, bool text, const std::string& content) {
  out << '<' << tag << (text ? " class=\"t\">" : ">") << escape_html(content) << "</" << tag << '>';
}

void html_table(std::ostream& out, const report_table& t) {
  out << "<h2>" << escape_html(t.title) << "</h2>\n";
  for (const auto& note : t.notes) out << "<p class=\"note\">" << escape_html(note) << "</p>\n";
  if (t.rows.empty()) return;
  out << "<div class=\"scroll\"><table><thead><tr>";
  for (std::size_t i = 0; i < t.columns.size(); ++i) {
    cell(out, "th", i < t.text_columns, t.columns[i]);
  }
  out << "</tr></thead><tbody>\n";
  for (const auto& row : t.rows) {
    out << "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) cell(out, "td", i < t.text_columns, row[i]);
    out << "</tr>\n";
  }
  out << "</tbody></table></div>\n";
}

void markdown_row(std::ostream& out, const std::vector<std::string>& cells) {
  out << '|';
  for (const auto& text : cells) out << ' ' << escape_markdown(text) << " |";
  out << '\n';
}

} // namespace

std::string to_markdown(const report& r) {
  std::ostringstream out;
  out << "# " << escape_markdown(r.title) << "\n\n";
  for (const auto& note : r.notes) out << "- " << escape_markdown(note) << '\n';
  for (const auto& t : r.tables) {
    out << "\n## " << escape_markdown(t.title) << "\n\n";
    if (!t.rows.empty()) {
      markdown_row(out, t.columns);
      out << '|';
      for (std::size_t i = 0; i < t.columns.size(); ++i) {
        out << (i < t.text_columns ? "---|" : "--:|");
      }
      out << '\n';
      for (const auto& row : t.rows) markdown_row(out, row);
    }
    for (const auto& note : t.notes) {
      out << (t.rows.empty() ? "" : "\n") << escape_markdown(note) << '\n';
    }
  }
  return out.str();
}

std::string to_html(const report& r) {
  std::ostringstream out;
  out << "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'\">\n<title>"
      << escape_html(r.title) << "</title><style>" << style << "</style></head><body>\n<h1>"
      << escape_html(r.title) << "</h1>\n<ul>\n";
  for (const auto& note : r.notes) out << "<li>" << escape_html(note) << "</li>\n";
  out << "</ul>\n";
  for (const auto& t : r.tables) html_table(out, t);
  out << "</body></html>\n";
  return out.str();
}

} // namespace remed::experiments

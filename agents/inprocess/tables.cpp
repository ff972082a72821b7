#include "agents/inprocess/tables.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <vector>

namespace remed::agents {

namespace {

using row = std::vector<std::string>;

std::string upper(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Columns as wide as their widest cell, three blanks between them.
std::string align(const std::vector<row>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& r : rows) {
    widths.resize(std::max(widths.size(), r.size()));
    for (std::size_t i = 0; i < r.size(); ++i) widths[i] = std::max(widths[i], r[i].size());
  }
  std::string text;
  for (const auto& r : rows) {
    for (std::size_t i = 0; i < r.size(); ++i) {
      text += r[i];
      if (i + 1 < r.size()) text += std::string(widths[i] - r[i].size() + 3, ' ');
    }
    text += "\n";
  }
  return text;
}

/// The member of that name, without a copy; null: there is none.
const json& member(const json& of, const char* name) {
  static const json none;
  if (!of.is_object()) return none;
  const auto found = of.find(name);
  return found == of.end() ? none : *found;
}

std::string text_of(const json& value, const char* otherwise) {
  return value.is_string() ? value.get<std::string>() : otherwise;
}

/// A quantity in its base unit; the few suffixes that metrics use.
double amount(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (unit == "n") return number / 1e9;
  if (unit == "u") return number / 1e6;
  if (unit == "m") return number / 1e3;
  if (unit == "Ki") return number * 1024;
  if (unit == "Mi") return number * 1048576;
  if (unit == "Gi") return number * 1073741824;
  return number;
}

std::string cores(double value) {
  return std::to_string(static_cast<long long>(std::ceil(value * 1000 - 1e-9))) + "m";
}

std::string mebibytes(double value) {
  return std::to_string(static_cast<long long>(value / 1048576)) + "Mi";
}

void add_pod(std::vector<row>& rows, const json& pod, bool containers) {
  double cpu = 0, memory = 0;
  const auto name = text_of(member(member(pod, "metadata"), "name"), "");
  for (const auto& c : member(pod, "containers")) {
    const auto& usage = member(c, "usage");
    const auto own_cpu = amount(text_of(member(usage, "cpu"), "0"));
    const auto own_memory = amount(text_of(member(usage, "memory"), "0"));
    if (containers)
      rows.push_back({name, c.value("name", ""), cores(own_cpu), mebibytes(own_memory)});
    cpu += own_cpu;
    memory += own_memory;
  }
  if (!containers) rows.push_back({name, cores(cpu), mebibytes(memory)});
}

} // namespace

std::shared_ptr<const tools::shown_table> shown_of(const json& table) {
  if (!table.is_object() || !table.contains("rows")) return nullptr;
  auto out = std::make_shared<tools::shown_table>();
  auto columns = std::make_shared<std::vector<tools::shown_table::column>>();
  for (const auto& column : member(table, "columnDefinitions"))
    columns->push_back({column.value("name", ""), column.value("priority", 0) != 0});
  // A server may send cells without saying of which columns.
  for (const auto& r : member(table, "rows"))
    while (columns->size() < member(r, "cells").size()) columns->push_back({"", true});
  for (const auto& r : member(table, "rows")) {
    const auto after = out->cells.size() + columns->size();
    for (const auto& cell : member(r, "cells"))
      out->cells.push_back(cell.is_string() ? cell.get<std::string>() : cell.dump());
    out->cells.resize(after);
    out->places.push_back(
        text_of(member(member(member(r, "object"), "metadata"), "namespace"), ""));
  }
  out->columns = std::move(columns);
  return out;
}

std::string render_table(const tools::shown_table& table, bool wide, bool with_namespace,
                         bool header) {
  const auto& columns = *table.columns;
  if (table.rows() == 0) return {};
  std::vector<row> rows;
  rows.reserve(table.rows() + 1);
  auto add = [&](const std::string& place, const auto& cell_of) {
    auto& cells = rows.emplace_back();
    if (with_namespace) cells.push_back(place);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (wide || !columns[i].only_wide) cells.push_back(cell_of(i));
  };
  if (header) add("NAMESPACE", [&](std::size_t i) { return upper(columns[i].name); });
  for (std::size_t n = 0; n < table.rows(); ++n) {
    add(n < table.places.size() ? table.places[n] : std::string{},
        [&](std::size_t i) -> const std::string& { return table.cells[n * columns.size() + i]; });
  }
  return align(rows);
}

std::string render_top(const json& metrics, bool containers) {
  std::vector<row> rows;
  if (containers)
    rows.push_back({"POD", "NAME", "CPU(cores)", "MEMORY(bytes)"});
  else
    rows.push_back({"NAME", "CPU(cores)", "MEMORY(bytes)"});
  if (!metrics.contains("items")) {
    add_pod(rows, metrics, containers);
  } else {
    for (const auto& pod : metrics.at("items")) add_pod(rows, pod, containers);
  }
  return align(rows);
}

} // namespace remed::agents

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

std::string render_table(const json& table, bool wide, bool with_namespace, bool header) {
  const auto& columns = member(table, "columnDefinitions");
  std::vector<row> rows(1);
  if (with_namespace) rows[0].push_back("NAMESPACE");
  std::vector<bool> shown;
  for (const auto& column : columns) {
    shown.push_back(wide || column.value("priority", 0) == 0);
    if (shown.back()) rows[0].push_back(upper(column.value("name", "")));
  }
  for (const auto& r : member(table, "rows")) {
    row cells;
    if (with_namespace)
      cells.push_back(text_of(member(member(member(r, "object"), "metadata"), "namespace"), ""));
    const auto& values = member(r, "cells");
    for (std::size_t i = 0; i < values.size() && i < shown.size(); ++i) {
      if (!shown[i]) continue;
      cells.push_back(values[i].is_string() ? values[i].get<std::string>() : values[i].dump());
    }
    rows.push_back(std::move(cells));
  }
  if (rows.size() == 1) return {};
  if (!header) rows.erase(rows.begin());
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

#include "runtime/paths.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> chain{"runtime", "tools",  "environments",
                                     "chaos",   "agents", "experiments"};

bool is_source(const fs::path& file) {
  return file.extension() == ".cpp" || file.extension() == ".hpp";
}

template <class Visit>
void each_line(const fs::path& file, Visit visit) {
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) visit(number, line);
}

std::vector<fs::path> sources(const std::string& room) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::recursive_directory_iterator(remed::data_root() / room)) {
    if (entry.is_regular_file() && is_source(entry.path())) out.push_back(entry.path());
  }
  return out;
}

} // namespace

TEST_CASE("a room includes only itself and rooms before it in the chain") {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    for (const auto& file : sources(chain[i])) {
      each_line(file, [&](int number, const std::string& line) {
        for (std::size_t later = i + 1; later < chain.size(); ++later) {
          const bool against = line.rfind("#include \"" + chain[later] + "/", 0) == 0;
          CHECK_MESSAGE(!against, file.string(), ":", number, ": ", line);
        }
      });
    }
  }
}

TEST_CASE("only tools/net.hpp, tools/wire.hpp, its TLS part, and the JSON value include Boost") {
  const std::set<std::string> includers = {"net.hpp", "wire.hpp", "json_value.hpp"};
  for (const auto& room : chain) {
    for (const auto& file : sources(room)) {
      if (includers.count(file.filename().string())) continue;
      each_line(file, [&](int number, const std::string& line) {
        CHECK_MESSAGE(line.rfind("#include <boost", 0) != 0, file.string(), ":", number);
      });
    }
  }
}

TEST_CASE("rooms that must not know actors do not include CAF") {
  for (const std::string room : {"tools", "environments"}) {
    for (const auto& file : sources(room)) {
      each_line(file, [&](int number, const std::string& line) {
        CHECK_MESSAGE(line.rfind("#include <caf", 0) != 0, file.string(), ":", number);
      });
    }
  }
}

TEST_CASE("no file has more than 500 lines") {
  for (const auto& room : chain) {
    for (const auto& file : sources(room)) {
      int lines = 0;
      each_line(file, [&](int, const std::string&) { ++lines; });
      CHECK_MESSAGE(lines <= 500, file.string(), " has ", lines, " lines");
    }
  }
}

// Columns of tables, as a real API server names them.
#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/table.hpp"
#include "environments/embedded/api/text.hpp"
#include "runtime/paths.hpp"

#include <doctest/doctest.h>

#include <fstream>

namespace remed::conformance {

using namespace remed::env;

TEST_CASE("every kind has the columns that a real API server prints") {
  std::ifstream in(data_root().string() + "/tests/golden/kubernetes/columns.txt");
  std::size_t kinds = 0;
  for (std::string line; std::getline(in, line);) {
    auto colon = line.find(": ");
    auto plural = line.substr(0, colon);
    const auto& all = builtin_resources();
    auto type = std::find_if(all.begin(), all.end(),
                             [&](const resource_type& t) { return t.plural == plural; });
    REQUIRE_MESSAGE(type != all.end(), plural);
    auto table = make_table(*type, {}, stepped_epoch, row_object::none, "v1");
    std::vector<std::string> ours;
    for (const auto& c : table["columnDefinitions"]) {
      // A star stands for what only `-o wide` shows.
      ours.push_back(c["name"].get<std::string>() + (c["priority"] == 0 ? "" : "*"));
    }
    CHECK_MESSAGE(join(ours, ", ") == line.substr(colon + 2), plural);
    auto blank = json::object();
    CHECK_MESSAGE(cells_of(*type, blank, stepped_epoch).size() == ours.size(), plural);
    ++kinds;
  }
  CHECK(kinds == 25);
}

} // namespace remed::conformance

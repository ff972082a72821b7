// Prints figures; asserts nothing. `remed_benchmarks
// [messages|clusters|experiments|suite|in_flight]…`; without a name all but the last two, which
// take minutes.

#include "tests/benchmarks/benchmarks.hpp"

#include <cstring>

int main(int argc, char** argv) {
  const auto wanted = [&](const char* name) {
    for (int i = 1; i < argc; ++i) {
      if (std::strcmp(argv[i], name) == 0) return true;
    }
    return argc == 1;
  };
  if (wanted("messages")) remed::benchmarks::messages();
  if (wanted("clusters")) remed::benchmarks::clusters();
  if (wanted("experiments")) remed::benchmarks::experiments();
  if (argc > 1 && wanted("suite")) remed::benchmarks::suite();
  if (argc > 1 && wanted("in_flight")) remed::benchmarks::in_flight();
}

#include "runtime/shared_list.hpp"

#include <doctest/doctest.h>

using namespace remed;

TEST_CASE("copies of a list share its elements until one of them is changed") {
  shared_list<int> all(std::vector<int>{1, 2});
  auto copy = all;
  CHECK(&copy[0] == &all[0]);
  copy.push_back(3);
  copy.push_front(0);
  CHECK(std::vector<int>(copy.begin(), copy.end()) == std::vector<int>{0, 1, 2, 3});
  CHECK(all.size() == 2);
  CHECK(all.back() == 2);
  copy.clear();
  CHECK(copy.empty());
  CHECK(all.front() == 1);
}

#include "runtime/shared_list.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

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

TEST_CASE("a list's mark stays while it only grows at its end") {
  const auto same = [](const auto& a, const auto& b) {
    return !a.owner_before(b) && !b.owner_before(a);
  };
  shared_list<int> list(std::vector<int>{1});
  const auto first = list.mark();
  list.push_back(2);
  CHECK(same(list.mark(), first));
  SUBCASE("what is put in front gives it another") {
    list.push_front(0);
  }
  SUBCASE("so does a change of what is shared") {
    const auto copy = list;
    list.push_back(3);
    CHECK(same(copy.mark(), first));
  }
  SUBCASE("and a new beginning") {
    list.clear();
    list.push_back(7);
  }
  CHECK_FALSE(same(list.mark(), first));
}

TEST_CASE("a shared value is given away itself when nobody else holds it") {
  shared_value<std::string> one(std::string(100, 'x'));
  const auto* at = one->data();
  auto taken = std::move(one).take();
  CHECK(taken.data() == at);
  CHECK(one->empty());
  one = std::move(taken);
  const auto other = one;
  CHECK(std::move(one).take() == *other);
  CHECK(other->size() == 100);
}

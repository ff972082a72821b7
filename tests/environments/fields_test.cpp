#include "environments/embedded/api/fields.hpp"

#include "runtime/random.hpp"

#include <doctest/doctest.h>

using namespace remed;
using namespace remed::env;

namespace {

/// A set of a few fields, some of them members with more below.
field_set any_set(random_source& chance, int depth = 3) {
  field_set out;
  for (const auto* key : {"f:a", "f:b", "k:{\"name\":\"x\"}"}) {
    if (chance.below(2) == 0) continue;
    auto inner = depth > 0 ? any_set(chance, depth - 1) : field_set{};
    inner.member = inner.below.empty() || chance.below(3) == 0;
    out.below[key] = std::move(inner);
  }
  return out;
}

} // namespace

TEST_CASE("a stored set that is changed where it stands is the set that was changed") {
  random_source chance{3};
  for (int i = 0; i < 2000; ++i) {
    const auto before = any_set(chance), other = any_set(chance);
    const auto stored = before.tree();
    auto less = before, more = before;
    less.subtract(other);
    more.unite(other);
    stored_fields taken(stored), added(stored);
    taken.subtract(other);
    added.unite(other);
    CHECK(taken.empty() == less.empty());
    CHECK(taken.read() == less);
    CHECK(taken.take_tree() == less.tree());
    CHECK(added.take_tree() == more.tree());
  }
}

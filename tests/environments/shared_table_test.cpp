#include "environments/embedded/shared_table.hpp"

#include "environments/embedded/store.hpp"
#include "runtime/random.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

using namespace remed;
using namespace remed::env;

namespace {

using table = shared_table<std::string, int>;
using model = std::map<std::string, int>;

model content(const table& t) {
  model out;
  std::string last;
  t.walk([&](const std::string& key, int value) {
    CHECK(last < key);
    last = key;
    out[key] = value;
  });
  return out;
}

/// A table, who writes to it, and what it should hold.
struct side {
  table t;
  table_owner owner;
  model wanted;

  void put(const std::string& key, int value) {
    t.edit(owner.now(), key) = value;
    wanted[key] = value;
  }
  void erase(const std::string& key) {
    CHECK(t.erase(owner.now(), key) == (wanted.erase(key) > 0));
  }
};

side filled(int n) {
  side out;
  for (int i = 0; i < n; ++i) out.put("k" + std::to_string(1000 + i), i);
  return out;
}

} // namespace

TEST_CASE(
    "a random walk of writes on a table and its forks leaves each with what a map would hold") {
  random_source chance{7};
  std::vector<std::unique_ptr<side>> sides;
  sides.push_back(std::make_unique<side>());
  for (int step = 0; step < 6000; ++step) {
    auto& s = *sides[chance.below(sides.size())];
    const auto key = "k" + std::to_string(chance.below(300));
    if (chance.below(3) == 0)
      s.erase(key);
    else
      s.put(key, step);
    if (step % 500 == 499) sides.push_back(std::make_unique<side>(s));
  }
  for (const auto& s : sides) {
    CHECK(content(s->t) == s->wanted);
    CHECK(s->t.size() == s->wanted.size());
    for (int i = 0; i < 300; ++i) {
      const auto key = "k" + std::to_string(i);
      const auto* found = s->t.find(key);
      REQUIRE((found != nullptr) == (s->wanted.count(key) > 0));
      if (found) CHECK(*found == s->wanted.at(key));
      model behind;
      s->t.walk(key, [&](const std::string& k, int v) { behind[k] = v; });
      CHECK(behind == model(s->wanted.lower_bound(key), s->wanted.end()));
    }
  }
}

TEST_CASE("a walk ends when it is told to") {
  const auto s = filled(100);
  int seen = 0;
  s.t.walk([&](const std::string&, int value) {
    ++seen;
    return value < 40;
  });
  CHECK(seen == 41);
}

TEST_CASE("a write to a fork copies few entries, a second one beside it none") {
  const auto original = filled(500);
  auto fork = original;
  fork.put("k1250", -1);
  std::set<const int*> copied;
  for (const auto& [key, value] : fork.wanted)
    if (fork.t.find(key) != original.t.find(key)) copied.insert(fork.t.find(key));
  CHECK(copied.size() >= 1);
  CHECK(copied.size() <= 16);
  const auto* place = fork.t.find("k1250");
  fork.put("k1250", -2);
  CHECK(fork.t.find("k1250") == place);
  CHECK(*original.t.find("k1250") == 250);
}

TEST_CASE(
    "both sides of a fork copy before they write, and a third that comes later sees neither") {
  auto one = filled(40);
  auto two = one;
  one.put("k1000", 1);
  two.put("k1000", 2);
  auto three = one;
  one.put("k1000", 3);
  CHECK(*one.t.find("k1000") == 3);
  CHECK(*two.t.find("k1000") == 2);
  CHECK(*three.t.find("k1000") == 1);
}

TEST_CASE("what is appended fills chunks, so that few bytes are spent on a table") {
  // A chunk is told by how far apart its values lie.
  const auto s = filled(160);
  int chunks = 1;
  const int* last = nullptr;
  s.t.walk([&](const std::string&, const int& value) {
    if (last && (&value < last || &value - last > 16)) ++chunks;
    last = &value;
  });
  CHECK(chunks == 10);
}

TEST_CASE("what is told of a table is told once for its copies, and again after a write") {
  auto a = filled(40);
  int times = 0;
  auto sum = [&](const table& t) {
    const auto told = t.told("sum", [&]() -> std::shared_ptr<const void> {
      ++times;
      auto out = std::make_shared<int>(0);
      t.walk([&](const std::string&, int value) { *out += value; });
      return out;
    });
    return *std::static_pointer_cast<const int>(told);
  };
  const side b = a;
  CHECK(sum(a.t) == 780);
  CHECK(sum(b.t) == 780);
  CHECK(times == 1);
  a.put("k1000", 1000);
  CHECK(sum(a.t) == 1780);
  CHECK(sum(b.t) == 780);
  a.erase("k1000");
  CHECK(sum(a.t) == 780);
  CHECK(times == 3);
}

TEST_CASE("names that no mark tells apart are still found each") {
  side s;
  const std::string head(8, 'a'), tail(8, 'z');
  for (int i = 0; i < 100; ++i) s.put(head + std::to_string(1000 + i) + tail, i);
  CHECK(key_mark(head + "1000" + tail) == key_mark(head + "1001" + tail));
  for (int i = 0; i < 100; ++i) {
    const auto* found = s.t.find(head + std::to_string(1000 + i) + tail);
    REQUIRE(found);
    CHECK(*found == i);
  }
  CHECK(s.t.find(head + "0999" + tail) == nullptr);
}

// A map by names that is made once and then read very often: a lookup looks at a row of numbers and
// at one name.
#pragma once

#include "environments/embedded/key_mark.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace remed::env {

template <class T>
class name_map {
public:
  using entry = std::pair<std::string, T>;

  /// In order.
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }

  /// None, or valid until something is added.
  const T* find(std::string_view name) const {
    const auto mark = key_mark(name);
    for (std::size_t i = 0; i < marks_.size(); ++i)
      if (marks_[i] == mark && entries_[i].first == name) return &entries_[i].second;
    return nullptr;
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }

  /// The value to set; a new one is empty.
  T& operator[](std::string_view name) {
    const auto at =
        std::lower_bound(entries_.begin(), entries_.end(), name,
                         [](const entry& e, std::string_view n) { return e.first < n; });
    if (at != entries_.end() && at->first == name) return at->second;
    marks_.insert(marks_.begin() + (at - entries_.begin()), key_mark(name));
    return entries_.insert(at, entry{std::string(name), T{}})->second;
  }
  /// Leaves a value that is there.
  void add(std::string_view name, T value) {
    if (!contains(name)) (*this)[name] = std::move(value);
  }

private:
  std::vector<std::uint64_t> marks_;
  std::vector<entry> entries_;
};

} // namespace remed::env

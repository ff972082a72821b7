// A number that tells most names apart.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace remed::env {

/// Names differ in their length or near one of their ends: who seeks one compares few of them.
inline std::uint64_t key_mark(std::string_view name) {
  std::uint64_t head = 0, tail = 0;
  const auto n = std::min(name.size(), sizeof head);
  std::memcpy(&head, name.data(), n);
  std::memcpy(&tail, name.data() + name.size() - n, n);
  return (head * 0x9e3779b97f4a7c15ULL) ^ (tail * 0xc2b2ae3d27d4eb4fULL) ^ name.size();
}

} // namespace remed::env

// All randomness of an experiment: a small seeded generator that can be split by name, so that a
// new use of chance does not shift the numbers that others draw.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace remed {

/// SplitMix64 (Steele, Lea, Flood 2014): tiny, copyable, the same on every machine.
class random_source {
public:
  explicit random_source(std::uint64_t seed = 0) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  /// A source made with this seed goes on as this one would.
  std::uint64_t state() const { return state_; }

  /// Uniform in [0, n); n > 0.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  /// An independent source for the given purpose; does not advance this one.
  random_source split(std::string_view purpose) const {
    std::uint64_t h = 14695981039346656037ULL ^ state_; // FNV-1a
    for (unsigned char c : purpose) h = (h ^ c) * 1099511628211ULL;
    return random_source{h};
  }

  /// `n` characters of Kubernetes' safe alphabet (no vowels, no look-alikes), for generated names.
  std::string name_suffix(int n) {
    static constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::string out;
    for (int i = 0; i < n; ++i) out += alphabet[below(alphabet.size())];
    return out;
  }

  /// A version-4 UUID.
  std::string uuid() {
    static constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    for (auto& c : out) {
      if (c == 'x')
        c = hex[below(16)];
      else if (c == 'y')
        c = hex[8 + below(4)];
    }
    return out;
  }

private:
  std::uint64_t state_;
};

} // namespace remed

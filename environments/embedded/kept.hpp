// A value that is told from what never changes: at the first question, and then kept.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace remed::env {

/// A value that is set once. Forks may be read from several threads: whoever is first leaves its
/// value there.
template <class T>
class kept {
public:
  kept() = default;
  kept(const kept&) = delete;
  kept& operator=(const kept&) = delete;
  ~kept() { delete value_.load(); }
  const T* get() const { return value_.load(std::memory_order_acquire); }
  const T* keep(T value) const {
    auto made = std::make_unique<const T>(std::move(value));
    const T* none = nullptr;
    if (value_.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel))
      return made.release();
    return none; // by now what the other left
  }
  /// What is kept, or from now on what `make` tells.
  template <class F>
  const T& or_make(F make) const {
    const auto* there = get();
    return there ? *there : *keep(make());
  }

private:
  mutable std::atomic<const T*> value_{nullptr};
};

/// Several values, each under a name. A copy of what they are told from begins without them.
template <class T>
class kept_by_name {
public:
  kept_by_name() = default;
  kept_by_name(const kept_by_name&) noexcept {}
  kept_by_name& operator=(const kept_by_name&) = delete;
  ~kept_by_name() { forget(); }
  /// What is kept under the name, or from now on what `make` tells. Valid until `forget`.
  template <class F>
  const T& or_make(std::string_view name, F make) const {
    auto* first = first_.load(std::memory_order_acquire);
    for (auto* at = first; at; at = at->next)
      if (at->name == name) return at->value;
    auto* made = new entry{std::string(name), make(), first};
    while (!first_.compare_exchange_weak(made->next, made, std::memory_order_acq_rel)) {
    }
    return made->value;
  }
  /// When that changes; nobody else may read then.
  void forget() {
    auto* at = first_.exchange(nullptr, std::memory_order_relaxed);
    while (at) delete std::exchange(at, at->next);
  }

private:
  struct entry {
    std::string name;
    T value;
    entry* next;
  };
  mutable std::atomic<entry*> first_{nullptr};
};

/// What can be told again from the rest of a state: kept to be spared that, no part of a snapshot.
template <class T>
class retold {
public:
  void reset(std::shared_ptr<const T> value = nullptr) { value_ = std::move(value); }
  const std::shared_ptr<const T>& get() const { return value_; }

private:
  std::shared_ptr<const T> value_;
};

} // namespace remed::env

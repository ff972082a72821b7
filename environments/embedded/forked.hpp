// A part of a cluster that its forks share until one of them changes it.
#pragma once

#include <atomic>
#include <memory>
#include <type_traits>

namespace remed::env {

template <class T>
class forked {
public:
  forked() : value_(std::make_shared<T>()) {}
  forked(const forked& other) : value_(other.value_), own_(false) {
    other.own_.store(false, std::memory_order_relaxed);
  }
  forked& operator=(const forked& other) {
    value_ = other.value_;
    own_.store(false, std::memory_order_relaxed);
    other.own_.store(false, std::memory_order_relaxed);
    return *this;
  }

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  /// To change it: a copy of one's own when a fork may see it; of a kind that can go on from one
  /// that nobody changes any more, that.
  T& edit() {
    if (!own_.load(std::memory_order_relaxed)) {
      if constexpr (std::is_constructible_v<T, std::shared_ptr<const T>>)
        value_ = std::make_shared<T>(std::shared_ptr<const T>(value_));
      else
        value_ = std::make_shared<T>(*value_);
      own_.store(true, std::memory_order_relaxed);
    }
    return *value_;
  }

private:
  std::shared_ptr<T> value_;
  /// Nobody else can see it. Atomic since copies of a resting prototype are made from many threads.
  mutable std::atomic<bool> own_{true};
};

} // namespace remed::env

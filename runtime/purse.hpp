// The money that all experiments of a bench share. Safe to use from any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>

namespace remed {

class purse {
public:
  /// `most` USD over the whole bench; `spent` of them by what ran before.
  explicit purse(double most, double spent = 0) : most_(most), spent_(spent) {}

  /// Before a model call: leave to make it, held until the call ends; none when the money is out.
  /// Calls under way count as much as the dearest that ended, so the cap can be passed only by
  /// calls that begin before any has ended or that are dearer than all before.
  static std::shared_ptr<void> begin_call(const std::shared_ptr<purse>& from) {
    std::lock_guard guard(from->lock_);
    const auto expected = from->spent_ + from->dearest_ * (from->under_way_ + 1);
    if (from->spent_ >= from->most_ || expected > from->most_) return nullptr;
    ++from->under_way_;
    return {from.get(), [from](void*) {
              std::lock_guard end(from->lock_);
              --from->under_way_;
            }};
  }
  /// After a call; a negative cost is unknown and cannot be counted.
  void spend(double usd) {
    std::lock_guard guard(lock_);
    if (usd <= 0) return;
    spent_ += usd;
    dearest_ = std::max(dearest_, usd);
  }

  double spent() const {
    std::lock_guard guard(lock_);
    return spent_;
  }
  double most() const { return most_; }
  /// Whether the next call would be refused even if none was under way.
  bool empty() const {
    std::lock_guard guard(lock_);
    return spent_ >= most_ || spent_ + dearest_ > most_;
  }

private:
  mutable std::mutex lock_;
  const double most_;
  double spent_, dearest_ = 0;
  int under_way_ = 0;
};

} // namespace remed

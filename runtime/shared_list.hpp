// Lists and values whose copies share what they hold: for large data that is written once and then
// handed around by value. A list is copied when one of its owners changes it.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace remed {

template <class T>
class shared_list {
public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  shared_list() = default;
  shared_list(std::vector<T> all) : all_(std::make_shared<std::vector<T>>(std::move(all))) {}

  const_iterator begin() const { return read().begin(); }
  const_iterator end() const { return read().end(); }
  std::size_t size() const { return read().size(); }
  bool empty() const { return read().empty(); }
  const T& operator[](std::size_t i) const { return read()[i]; }
  const T& front() const { return read().front(); }
  const T& back() const { return read().back(); }

  void clear() { all_.reset(); }
  void push_back(T value) { own().push_back(std::move(value)); }
  void push_front(T value) {
    auto all = read();
    all.insert(all.begin(), std::move(value));
    all_ = std::make_shared<std::vector<T>>(std::move(all));
  }
  T& emplace_back() { return own().emplace_back(); }

  /// Of two lists with the same mark, at whatever times, the longer begins with the shorter: what
  /// has a mark only grows at its end. Compare by owner_before.
  std::weak_ptr<const void> mark() const { return all_; }

private:
  const std::vector<T>& read() const {
    static const std::vector<T> none;
    return all_ ? *all_ : none;
  }
  /// This list's own elements. Whoever shares them keeps what there was.
  std::vector<T>& own() {
    if (!all_)
      all_ = std::make_shared<std::vector<T>>();
    else if (all_.use_count() > 1)
      all_ = std::make_shared<std::vector<T>>(*all_);
    return *all_;
  }

  std::shared_ptr<std::vector<T>> all_;
};

/// A value that is not changed any more; copies share it.
template <class T>
class shared_value {
public:
  shared_value() : value_(none()) {}
  shared_value(T value) : value_(std::make_shared<T>(std::move(value))) {}

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  operator const T&() const { return *value_; }
  /// Gives the value away: itself where no copy shares it.
  T take() && {
    const auto mine = std::exchange(value_, none());
    return mine.use_count() == 1 ? T(std::move(*mine)) : T(*mine);
  }

private:
  static const std::shared_ptr<T>& none() {
    static const auto empty = std::make_shared<T>();
    return empty;
  }
  std::shared_ptr<T> value_; ///< only `take` changes it
};

} // namespace remed

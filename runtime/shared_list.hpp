// A list whose copies share its elements until one of them is changed: for large data that is
// written once and then handed around by value.
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
  void push_front(T value) { own().insert(own().begin(), std::move(value)); }
  T& emplace_back() { return own().emplace_back(); }

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

} // namespace remed

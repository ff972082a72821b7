// A sorted table as a part of a cluster: its forks share what none of them has changed.
#pragma once

#include "environments/embedded/shared_table.hpp"

#include <utility>

namespace remed::env {

/// A shared_table that is its own owner: a plain value.
template <class Key, class Value>
class forked_table {
public:
  const Value* find(const Key& key) const { return table_.find(key); }
  std::size_t size() const { return table_.size(); }
  template <class Each>
  void walk(Each each) const {
    table_.walk(std::move(each));
  }
  Value& edit(const Key& key) { return table_.edit(owner_.now(), key); }
  bool erase(const Key& key) { return table_.erase(owner_.now(), key); }

private:
  shared_table<Key, Value> table_;
  table_owner owner_;
};

} // namespace remed::env

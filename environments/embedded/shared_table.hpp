// A sorted table whose copies share what neither side has changed since: its entries lie in chunks,
// and a write copies one chunk and the list of the chunks. For what every fork of a cluster has and
// few change much of.
#pragma once

#include "environments/embedded/kept.hpp"
#include "environments/embedded/key_mark.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace remed::env {

/// Who changes tables: what one has made itself it changes in place. After a copy of the owner
/// neither side owns what they share. Many threads may copy one that nobody writes with.
class table_owner {
public:
  using mark = std::shared_ptr<const void>;

  table_owner() = default;
  table_owner(const table_owner& other) { other.copied_.store(true, std::memory_order_relaxed); }
  table_owner& operator=(const table_owner&) = delete;

  /// Of this owner since it was last copied; no other has it.
  const mark& now() {
    if (copied_.exchange(false, std::memory_order_relaxed) || !mark_)
      mark_ = std::make_shared<char>();
    return mark_;
  }

private:
  mark mark_;
  mutable std::atomic<bool> copied_{false};
};

template <class Key, class Value>
class shared_table {
public:
  /// None, or valid until the entry or its neighbours change.
  const Value* find(const Key& key) const {
    if (!list_ || list_->chunks.empty()) return nullptr;
    const auto mark = key_mark(key);
    for (const auto& e : list_->chunks[chunk_of(key)].here->entries)
      if (e.mark == mark && *e.key == key) return &e.value;
    return nullptr;
  }

  std::size_t size() const { return list_ ? list_->size : 0; }

  /// Calls `each(key, value)` for the entries in order; while it is true, when it says that.
  template <class Each>
  void walk(Each each) const {
    if (list_) walk_from(0, each);
  }
  /// From the first entry that is not before `from`.
  template <class Each>
  void walk(const Key& from, Each each) const {
    if (!list_ || list_->chunks.empty()) return;
    const auto first = chunk_of(from);
    const auto& entries = list_->chunks[first].here->entries;
    for (auto at = place(entries, from); at != entries.end(); ++at)
      if (!goes_on(each, *at)) return;
    walk_from(first + 1, each);
  }

  /// What `make` tells of the entries, a shared_ptr<const void>: kept under a name with them, for
  /// all copies, until one changes. Of a table without a part of its own it is told each time.
  template <class Make>
  std::shared_ptr<const void> told(std::string_view name, Make make) const {
    return list_ ? list_->told.or_make(name, make) : make();
  }

  /// The value to change; a new entry has an empty one. Valid like those of `find`.
  Value& edit(const table_owner::mark& who, const Key& key) {
    auto& list = own(list_, who);
    list.told.forget();
    if (list.chunks.empty()) list.chunks.push_back({std::make_shared<chunk>(who), nullptr});
    const auto n = chunk_of(key);
    auto* entries = &own(list.chunks[n].here, who).entries;
    auto at = place(*entries, key);
    if (at != entries->end() && *at->key == key) return at->value;
    ++list.size;
    entry fresh{key_mark(key), std::make_shared<const Key>(key), Value{}};
    if (entries->size() == chunk_size) {
      entries = &split(list, n, who, fresh);
      at = place(*entries, key);
    }
    return entries->insert(at, std::move(fresh))->value;
  }

  /// False when there is no such entry.
  bool erase(const table_owner::mark& who, const Key& key) {
    if (!find(key)) return false;
    auto& list = own(list_, who);
    list.told.forget();
    const auto n = chunk_of(key);
    auto& entries = own(list.chunks[n].here, who).entries;
    entries.erase(place(entries, key));
    --list.size;
    if (entries.empty())
      list.chunks.erase(list.chunks.begin() + static_cast<std::ptrdiff_t>(n));
    else
      list.chunks[n].first = entries.front().key;
    return true;
  }

private:
  static constexpr std::size_t chunk_size = 16;

  struct entry {
    std::uint64_t mark; ///< of the key: who seeks looks at few keys themselves
    std::shared_ptr<const Key> key;
    Value value;
  };
  using chunk_entries = std::vector<entry>;
  struct chunk {
    explicit chunk(table_owner::mark by) : owner(std::move(by)) {}
    table_owner::mark owner;
    chunk_entries entries; ///< never empty, but in a table's only chunk while it is made
  };
  struct part {
    std::shared_ptr<chunk> here;
    std::shared_ptr<const Key> first; ///< its first key; of the first part perhaps none
  };
  struct chunk_list {
    explicit chunk_list(table_owner::mark by) : owner(std::move(by)) {}
    table_owner::mark owner;
    std::size_t size = 0;
    std::vector<part> chunks;
    kept_by_name<std::shared_ptr<const void>> told;
  };

  template <class T>
  static T& own(std::shared_ptr<T>& part, const table_owner::mark& who) {
    if (part && part->owner == who) return *part;
    part = part ? std::make_shared<T>(*part) : std::make_shared<T>(who);
    part->owner = who;
    return *part;
  }

  template <class Entries>
  static auto place(Entries& entries, const Key& key) {
    return std::lower_bound(entries.begin(), entries.end(), key,
                            [](const entry& e, const Key& k) { return *e.key < k; });
  }

  /// The chunk that has the key or would get it.
  std::size_t chunk_of(const Key& key) const {
    const auto& all = list_->chunks;
    const auto after = std::upper_bound(all.begin() + 1, all.end(), key,
                                        [](const Key& k, const part& p) { return k < *p.first; });
    return static_cast<std::size_t>(after - all.begin()) - 1;
  }

  /// Makes room beside a full chunk; the entries among which the new one belongs. What is appended
  /// begins a chunk of its own, so that a table that grows at its end has full ones.
  static chunk_entries& split(chunk_list& list, std::size_t n, const table_owner::mark& who,
                              const entry& fresh) {
    auto next = std::make_shared<chunk>(who);
    auto& low = list.chunks[n].here->entries;
    auto& high = next->entries;
    auto& made = *list.chunks.insert(list.chunks.begin() + static_cast<std::ptrdiff_t>(n) + 1,
                                     part{std::move(next), fresh.key});
    if (n + 2 == list.chunks.size() && *low.back().key < *fresh.key) return high;
    const auto middle = low.begin() + chunk_size / 2;
    high.assign(std::make_move_iterator(middle), std::make_move_iterator(low.end()));
    low.erase(middle, low.end());
    made.first = high.front().key;
    return *fresh.key < *high.front().key ? low : high;
  }

  template <class Each>
  static bool goes_on(Each& each, const entry& e) {
    if constexpr (std::is_void_v<decltype(each(*e.key, e.value))>)
      each(*e.key, e.value);
    else
      return each(*e.key, e.value);
    return true;
  }

  template <class Each>
  void walk_from(std::size_t first, Each& each) const {
    for (auto n = first; n < list_->chunks.size(); ++n) {
      for (const auto& e : list_->chunks[n].here->entries)
        if (!goes_on(each, e)) return;
    }
  }

  std::shared_ptr<chunk_list> list_;
};

} // namespace remed::env

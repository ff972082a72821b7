// The versioned object store of one cluster: what etcd is to Kubernetes. Objects are immutable
// values shared between forks; so are the tables, but for the parts that one of the forks has
// written to.
#pragma once

#include "environments/embedded/shared_table.hpp"
#include "runtime/json_value.hpp"
#include "runtime/result.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace remed::env {

using remed::json;
using object = std::shared_ptr<const json>;

/// Which table an object lives in: "pods", "deployments.apps", "podchaos.chaos-mesh.org".
using resource_name = std::string;

struct object_key {
  std::string ns; ///< empty for cluster-scoped
  std::string name;
  auto operator<=>(const object_key&) const = default;
};
inline std::uint64_t key_mark(const object_key& key) {
  return key_mark(std::string_view(key.name));
}

/// One write, as watchers and controllers see it.
struct change {
  enum class type { added, modified, deleted } what = type::added;
  std::uint64_t revision = 0;
  resource_name resource;
  object_key key;
  object now;    ///< for deleted: the last state, with the revision of the deletion
  object before; ///< none for added
};

/// Changes that lie behind each other in the history.
struct change_range {
  using iterator = std::deque<change>::const_iterator;
  iterator first, last;
  iterator begin() const { return first; }
  iterator end() const { return last; }
  std::size_t size() const { return static_cast<std::size_t>(last - first); }
  bool empty() const { return first == last; }
  const change& operator[](std::size_t i) const { return first[static_cast<std::ptrdiff_t>(i)]; }
};

/// Objects as they were at one time, in key order; costs nothing to copy.
class object_list {
public:
  using all = std::vector<object>;

  object_list() : all_(none()) {}
  explicit object_list(std::shared_ptr<const all> these) : all_(std::move(these)) {}

  auto begin() const { return all_->begin(); }
  auto end() const { return all_->end(); }
  std::size_t size() const { return all_->size(); }
  bool empty() const { return all_->empty(); }
  const object& operator[](std::size_t i) const { return (*all_)[i]; }
  operator all() const { return *all_; } // for who wants to change it
  /// Those for which `fits` is true.
  template <class Fits>
  all where(Fits fits) const {
    all out;
    std::copy_if(begin(), end(), std::back_inserter(out), fits);
    return out;
  }
  /// The same as long as nobody has written to them, and then not.
  const std::shared_ptr<const all>& shared() const { return all_; }

private:
  static std::shared_ptr<const all> none();
  std::shared_ptr<const all> all_;
};

class store {
public:
  using table = shared_table<object_key, object>;

  store() = default;
  /// A fork: shares what neither side has written to; keeps no history, so a watch of the copy
  /// starts at its present revision. Many threads may copy one store that nobody writes.
  store(const store& other);
  store& operator=(const store&) = delete;

  /// The revision of the last write; resourceVersion of lists.
  std::uint64_t revision() const { return revision_; }

  /// The object, or none.
  object get(const resource_name& resource, const object_key& key) const;
  /// All objects of a resource in key order; with `ns`, those of one namespace. Gathered once
  /// between two writes to the resource, for all forks that have not written to it.
  object_list list(const resource_name& resource, std::string_view ns = {}) const;
  std::size_t count(const resource_name& resource) const;

  /// Creates or replaces. Sets metadata.resourceVersion; an unchanged object is not written and
  /// keeps its revision. The caller has set everything else.
  object put(const resource_name& resource, json value);
  /// Removes; none when absent.
  object erase(const resource_name& resource, const object_key& key);

  /// Changes with a revision above `after`, oldest first; a failure (errc::refused) when that is no
  /// longer kept, which the API answers as 410 Expired.
  /// Valid until the next write.
  result<change_range> since(std::uint64_t after) const;
  /// The oldest revision a watch can start from.
  std::uint64_t oldest() const;
  /// Keeps no changes any more, of the past or to come: for a store that nobody watches. Old
  /// states of its objects live as long as others hold them.
  void forget_changes();

  /// How many changes are kept for watchers.
  static constexpr std::size_t history_limit = 4096;

private:
  friend struct snapshot_access;
  void remember(change c);

  shared_table<resource_name, table> tables_;
  table_owner owner_;
  std::deque<change> history_;
  std::uint64_t revision_ = 1;
  bool forgets_ = false;
};

object_key key_of(const json& obj);

} // namespace remed::env

// The project's JSON values: nlohmann's, but an object's members lie side by side in the order of
// their keys, where std::map has each in a place of its own. They are read in that order either
// way; looking one up, copying and ending an object costs less, most of all when it was in no
// cache.
//
// Unlike std::map's, members move when another one is added: a reference to one is valid only until
// then.
#pragma once

#include <boost/container/flat_map.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <compare>
#include <functional>

namespace remed {

template <class Key, class Value, class Less, class>
struct json_members : boost::container::flat_map<Key, Value, Less> {
  using boost::container::flat_map<Key, Value, Less>::flat_map;

  /// As std::map's; Boost's has none.
  friend auto operator<=>(const json_members& a, const json_members& b) {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }
};

using json = nlohmann::basic_json<json_members>;

} // namespace remed

// What differs between what two looks saw of a resource, without looking into what both saw.
#pragma once

#include "chaos/workload_view.hpp"

namespace remed::chaos {

/// Calls `each(before, now)` for each object that is not the very same in both lists, which are in
/// the order of names; of two states of one name both are given, else one is none.
template <class Each>
void each_difference(const env::seen_objects::list& before, const env::seen_objects::list& now,
                     Each each) {
  static const env::object none;
  auto old = before.begin();
  auto fresh = now.begin();
  while (old != before.end() || fresh != now.end()) {
    if (old != before.end() && fresh != now.end() && *old == *fresh) {
      ++old;
      ++fresh;
      continue;
    }
    const auto order = old == before.end()  ? 1
                       : fresh == now.end() ? -1
                                            : name_of(*old).compare(name_of(*fresh));
    each(order <= 0 ? *old : none, order >= 0 ? *fresh : none);
    if (order <= 0) ++old;
    if (order >= 0) ++fresh;
  }
}

} // namespace remed::chaos

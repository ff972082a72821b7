// What may be done about a fault, as data: chaos/remedies/<id>.yaml. `remed prove` carries them out
// as the agents would and sees whether each is judged as the fault's file says.
#pragma once

#include "chaos/fault.hpp"

#include <optional>
#include <string>
#include <vector>

namespace remed::chaos {

/// One step. Texts in it may hold the words of words_of (chaos/facts.hpp).
struct remedy_step {
  enum class kind {
    act,      ///< a step as in fault files
    rollback, ///< a Deployment back to its revision before
    manifest, ///< what the manifests declare: again
    exec,     ///< a command in the target's first container
    wait
  } what = kind::act;
  /// Once for each: pod of the target ({{pod}}), object that the fault made ({{resource}},
  /// {{object}}).
  enum class repeat { once, pods, objects } each = repeat::once;
  inject_step act;
  std::string resource, name; ///< rollback, manifest
  std::vector<std::string> command;
  double seconds = 0; ///< wait; virtual
};

struct remedy {
  std::string id, title;
  std::string raises; ///< the flag it must raise; empty: it is acceptable where a fault says so
  /// Takes the service away until what it ended is up again: a cure, but not one for nothing.
  bool interrupts = false;
  std::vector<remedy_step> steps;
};

/// A shipped remedy by its id. Errors say file:line:column and path.
result<remedy> load_remedy(const std::string& id);
/// Ids of all shipped remedies, sorted.
std::vector<std::string> shipped_remedies();

} // namespace remed::chaos

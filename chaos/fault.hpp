// A kind of failure as data: how it is made and undone, how one sees it, what must hold once it is
// gone. chaos/faults/<id>.yaml; adding a fault is adding a file.
#pragma once

#include "environments/environment.hpp"
#include "runtime/json.hpp"
#include "runtime/result.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace remed::env {
class yaml_map;
}

namespace remed::chaos {

/// One thing to check, by the name of a function in chaos/oracle.hpp.
struct predicate {
  std::string name;
  json with = json::object(); ///< its parameters
};

/// One step of making the fault. Texts in it may hold the words of words_of (chaos/facts.hpp),
/// {{name}}, and {{pod}}, the first pod of the target.
struct inject_step {
  enum class kind { create, patch, remove, load } what = kind::create;
  json body;              ///< create: the object; patch: a strategic merge patch
  std::string resource;   ///< patch, remove: "deployments.apps"
  std::string name;       ///< patch, remove: of which object
  double of_capacity = 1; ///< load: so many times what the target can answer
};

/// One step of undoing it.
struct undo_step {
  enum class kind { remove, restore, patch, load } what = kind::remove;
  std::string resource; ///< "stresschaos.chaos-mesh.org"
  std::string name;
  json body; ///< patch: a strategic merge patch
};

struct fault {
  std::string id, title;
  std::string category; ///< one of fault_classes()
  env::lifetime lives_in = env::lifetime::container;
  bool control = false; ///< no fault at all: what is made of a healthy system
  std::vector<inject_step> inject;
  std::vector<inject_step> noise; ///< besides, harmless: only created objects, removed at the end
  /// Chaos Mesh never looks at a replaced pod again. With this, what `inject` creates is created
  /// anew whenever nothing of it is in effect, until the cause is gone; then it is removed.
  bool rearm = false;
  std::vector<predicate>
      cause; ///< all hold as long as it is there; empty: the patches are in place
  std::vector<undo_step> inverse;
  std::vector<predicate> symptom;    ///< all hold once the fault is felt
  std::vector<predicate> oracle;     ///< not all hold while it is there; all hold once it is gone
  std::string report;                ///< R_t: what is observed, never how it was made
  std::vector<std::string> accepted; ///< remedies, in words, for people and reports
  std::vector<std::string> unacceptable;
  std::vector<std::string>
      accepted_remedies; ///< ids of chaos/remedies: what `remed prove` carries out
  std::vector<std::string> unacceptable_remedies;
};

/// What `class` may be.
const std::set<std::string>& fault_classes();

/// Reads one entry of `inject`; also the steps of chaos/remedies.
inject_step read_step(const env::yaml_map& m, const json& raw);

/// A shipped fault by its id, or a file by its path (it holds a '/' or ends in .yaml). Errors say
/// file:line:column, the path inside the file, and what is near an unknown name.
result<fault> load_fault(const std::string& id_or_file);
/// Ids of all shipped faults, sorted.
std::vector<std::string> shipped_faults();

/// What the words in double braces stand for.
using words = std::map<std::string, std::string>;
std::string filled(std::string text, const words& with);
/// In JSON a text that is only {{port}} or {{service_port}} becomes a number.
json filled(const json& value, const words& with);

/// The name of an experiment's objects: "cpu-stress-1a2b3c4d", unique per experiment.
std::string object_name(const fault& f, const std::string& experiment);

} // namespace remed::chaos

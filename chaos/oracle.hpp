// Whether a predicate holds: pure functions over facts. Each kind is one function and one name that
// fault files use.
#pragma once

#include "chaos/facts.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::chaos {

enum class truth { no, yes, unknown }; ///< unknown: there is no data to tell

struct finding {
  truth holds = truth::unknown;
  std::string detail; ///< for people: "hello-service-…: 98 % of the CPU limit"
};

struct predicate_kind {
  finding (*check)(const facts&, const setting&, const json& with);
  /// Parameters and what they must be: number, flag, text, texts, predicates.
  std::map<std::string, std::string> parameters;
  std::string evidence; ///< name in a verdict: "ledger", "probe:cpu"
  bool network = false, disk = false;
};

/// All kinds by name.
const std::map<std::string, predicate_kind>& predicate_kinds();

finding evaluate(const predicate& p, const facts& f, const setting& s);

/// Evaluation of a list.
struct findings {
  struct checked {
    std::string evidence;
    finding found;
  };
  std::vector<checked> all;
  bool hold() const;           ///< every one holds
  std::string failing() const; ///< details of those that do not, joined; empty when all hold
};
findings evaluate(const std::vector<predicate>& checks, const facts& f, const setting& s);

/// Ground truth: is the fault still in effect? None where the environment keeps no ledger. For a
/// fault made by a patch: whether the patched fields still have the patch's values.
std::optional<bool> in_effect(const facts& f, const setting& s);
/// Whether a field that the fault patched still has the patch's value.
bool patches_in_place(const facts& f, const setting& s);

} // namespace remed::chaos

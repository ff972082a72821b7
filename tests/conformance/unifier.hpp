// Compares a recorded answer with ours: what differs between any two runs (uids, versions, times,
// generated names, addresses) is matched and remembered, all else must be the same.
#pragma once

#include "runtime/json_value.hpp"

#include <map>
#include <string>
#include <vector>

namespace remed::conformance {

class unifier {
public:
  /// What differs, as "path: recorded X, ours Y"; empty when the answers say the same.
  std::vector<std::string> differences(const json& recorded, const json& ours);

  /// A recorded text with the names and uids of this run.
  std::string translated(std::string text) const;
  /// A recorded resourceVersion in this run, or none when it was never seen.
  std::string version(const std::string& recorded) const;
  /// As `translated`, with versions, for every string of a body.
  json translated(const json& body) const;

  /// Says that a recorded word is called otherwise in every run here.
  void same(const std::string& recorded, const std::string& ours) { names_[recorded] = ours; }

private:
  void compare(const json& recorded, const json& ours, const std::string& path,
               const std::string& key);
  void compare_objects(const json& recorded, const json& ours, const std::string& path);
  void compare_arrays(const json& recorded, const json& ours, const std::string& path,
                      const std::string& key);
  void compare_kinds(const json& recorded, const json& ours, const std::string& path);
  void compare_managers(const json& recorded, const json& ours, const std::string& path);
  void compare_named(const json& recorded, const json& ours, const std::string& path);
  bool same_text(const std::string& recorded, const std::string& ours, const std::string& key);
  void differ(const std::string& path, const json& recorded, const json& ours);

  std::map<std::string, std::string> names_, versions_;
  std::vector<std::string> found_;
};

} // namespace remed::conformance

// Who may do what: evaluated from the Role and ClusterRole objects in the store.
#pragma once

#include "environments/embedded/api_server.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace remed::env {

/// What somebody wants to do.
struct access {
  std::string verb, group, resource, subresource, ns, name;
};

/// All groups of an identity, the implied ones included.
std::vector<std::string> groups_of(const identity& who);
bool is_allowed(const store& objects, const identity& who, const access& what);

/// is_allowed for who asks again and again: which rules reach whom is told once, until a role or a
/// binding changes.
class known_rights {
public:
  bool allow(const store& objects, const identity& who, const access& what);

private:
  /// A rule, and where the marks of its words end: those of its verbs, groups and resources.
  struct marked_rule {
    const json* rule;
    std::size_t verbs, groups, resources;
  };
  /// What reaches one who asks in one namespace.
  struct reach {
    std::string user;
    std::vector<std::string> groups;
    std::string ns;
    bool all = false;
    std::vector<std::uint64_t> words; ///< marks of all words, rule by rule
    std::vector<marked_rule> rules;

    void add(const json& rule);
    bool covers(const access& what) const;
  };
  void catch_up(const store& objects);
  const reach& reach_of(const store& objects, const identity& who, const std::string& ns);

  std::array<object_list, 4> rests_on_; ///< the rules point into them
  std::vector<reach> known_;
};

/// The text after "forbidden: ".
std::string forbidden_text(const identity& who, const access& what);
/// The rules that hold for an identity in a namespace, as SelfSubjectRulesReview lists them.
json rules_of(const store& objects, const identity& who, const std::string& ns);

} // namespace remed::env

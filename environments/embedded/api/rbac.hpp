// Who may do what: evaluated from the Role and ClusterRole objects in the store.
#pragma once

#include "environments/embedded/api_server.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace remed::env {

/// What somebody wants to do.
struct access {
  std::string verb, group, resource, subresource, ns, name;
};

/// All groups of an identity, the implied ones included.
std::vector<std::string> groups_of(const identity& who);
bool is_allowed(const store& objects, const identity& who, const access& what);

/// is_allowed for who asks the same again and again: answers are kept until a role or a binding
/// changes.
class known_rights {
public:
  bool allow(const store& objects, const identity& who, const access& what);

private:
  void catch_up(const store& objects);

  std::array<object_list, 4> rests_on_;
  std::vector<std::pair<std::string, bool>> known_; ///< by all that was asked but the name
};

/// The text after "forbidden: ".
std::string forbidden_text(const identity& who, const access& what);
/// The rules that hold for an identity in a namespace, as SelfSubjectRulesReview lists them.
json rules_of(const store& objects, const identity& who, const std::string& ns);

} // namespace remed::env

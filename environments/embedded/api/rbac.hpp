// Who may do what: evaluated from the Role and ClusterRole objects in the store.
#pragma once

#include "environments/embedded/api_server.hpp"

namespace remed::env {

/// What somebody wants to do.
struct access {
  std::string verb, group, resource, subresource, ns, name;
};

/// All groups of an identity, the implied ones included.
std::vector<std::string> groups_of(const identity& who);
bool is_allowed(const store& objects, const identity& who, const access& what);
/// The text after "forbidden: ".
std::string forbidden_text(const identity& who, const access& what);
/// The rules that hold for an identity in a namespace, as SelfSubjectRulesReview lists them.
json rules_of(const store& objects, const identity& who, const std::string& ns);

} // namespace remed::env

// Label and field selectors, as texts of a query and as objects of a spec.
#pragma once

#include "environments/embedded/api/resources.hpp"
#include "runtime/result.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// One term of a selector: all terms must hold.
struct requirement {
  enum class op { equals, differs, in, not_in, exists, absent, greater, less } what = op::exists;
  std::string key;
  std::vector<std::string> values;
};
using requirements = std::vector<requirement>;

/// "app=web,tier!=db,x in (a,b),!y". Fails with the text of Kubernetes' parser.
result<requirements> parse_label_selector(const std::string& text);
bool matches(const requirements& all, const json& labels);
/// A LabelSelector object (matchLabels, matchExpressions). Null matches nothing, empty everything.
bool matches_selector(const json& selector, const json& labels);

/// "metadata.name=x,status.phase!=Failed" for a resource; other fields than it supports fail with
/// "field label not supported: F".
result<requirements> parse_field_selector(const resource_type& type, const std::string& text);
bool matches_fields(const requirements& all, const json& obj);

} // namespace remed::env

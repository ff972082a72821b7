#include "environments/embedded/sameness.hpp"

#include <algorithm>

namespace remed::env {

namespace {

using members = json::object_t;

bool is_in(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Compares member by member, but those in `own` by `judge(name, a, b)`; an absent one is null.
template <class Judge>
bool same_members(const json& a, const json& b, std::initializer_list<std::string_view> own,
                  Judge judge) {
  if (!a.is_object() || !b.is_object()) return a == b;
  const auto& left = a.get_ref<const members&>();
  const auto& right = b.get_ref<const members&>();
  auto l = left.begin(), r = right.begin();
  static const json absent;
  while (l != left.end() || r != right.end()) {
    const int order = l == left.end() ? 1 : r == right.end() ? -1 : l->first.compare(r->first);
    const auto& name = order <= 0 ? l->first : r->first;
    const auto& in_left = order <= 0 ? l->second : absent;
    const auto& in_right = order >= 0 ? r->second : absent;
    const bool same =
        is_in(name, own) ? judge(name, in_left, in_right) : order == 0 && in_left == in_right;
    if (!same) return false;
    if (order <= 0) ++l;
    if (order >= 0) ++r;
  }
  return true;
}

bool same_owners(const json& a, const json& b) {
  if (!a.is_array() || !b.is_array()) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const json& x, const json& y) { return same_but(x, y, {"time"}); });
}

} // namespace

bool same_but(const json& a, const json& b, std::initializer_list<std::string_view> ignored) {
  return same_members(a, b, ignored, [](const auto&, const json&, const json&) { return true; });
}

bool same_content(const json& a, const json& b) {
  return same_members(a, b, {"metadata"}, [](const auto&, const json& x, const json& y) {
    return same_but(x, y, {"resourceVersion"});
  });
}

bool same_but_times(const json& a, const json& b) {
  return same_members(a, b, {"metadata"}, [](const auto&, const json& x, const json& y) {
    return same_members(x, y, {"resourceVersion", "managedFields"},
                        [](const auto& name, const json& m, const json& n) {
                          return name == "resourceVersion" || same_owners(m, n);
                        });
  });
}

} // namespace remed::env

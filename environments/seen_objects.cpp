#include "environments/seen_objects.hpp"

namespace remed::env {

const seen_objects::list& seen_objects::of(std::string_view resource) const {
  static const list none;
  if (!all_) return none;
  const auto found = all_->find(resource);
  return found == all_->end() ? none : *found->second;
}

bool seen_objects::same(std::string_view resource, const seen_objects& other) const {
  if (all_ == other.all_) return true;
  const auto &mine = of(resource), &theirs = other.of(resource);
  return &mine == &theirs || mine == theirs;
}

seen_objects::list& seen_objects::edit(std::string_view resource) {
  auto own = all_ ? *all_ : tables{};
  auto changed = std::make_shared<list>(of(resource));
  own.insert_or_assign(resource_name(resource), changed);
  all_ = std::make_shared<const tables>(std::move(own));
  return *changed;
}

} // namespace remed::env

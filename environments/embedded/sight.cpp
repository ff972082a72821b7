#include "environments/embedded/sight.hpp"

#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"

#include <set>

namespace remed::env {

namespace {

constexpr const char* crd_table = "customresourcedefinitions.apiextensions.k8s.io";

void add(seen_objects::tables& out, const store& all, const resource_name& table,
         const std::string& ns) {
  const auto found = all.list(table, ns);
  if (!found.empty()) out[table] = found.shared();
}

seen_objects::tables tables_of(const store& all, const std::string& ns) {
  static const std::vector<resource_name> builtin = [] {
    std::vector<resource_name> tables;
    for (const auto& type : builtin_resources()) {
      if (type.namespaced) tables.push_back(type.table());
    }
    return tables;
  }();
  seen_objects::tables out;
  for (const auto& table : builtin) add(out, all, table, ns);
  for (const auto& crd : all.list(crd_table)) {
    if (text_at(*crd, {"spec", "scope"}) == "Namespaced")
      add(out, all, text_at(*crd, {"metadata", "name"}), ns);
  }
  return out;
}

} // namespace

/// False: what changed is not known, or which tables there are changed.
bool sight::catch_up(const store& all) {
  if (!revision_) return false;
  const auto changes = all.since(*revision_);
  if (!changes) return false;
  std::set<resource_name> changed;
  for (const auto& one : *changes) {
    if (one.resource == crd_table) return false;
    if (one.key.ns == ns_) changed.insert(one.resource);
  }
  if (changed.empty()) return true;
  auto tables = *seen_.all_;
  for (const auto& table : changed) {
    tables.erase(table);
    add(tables, all, table, ns_);
  }
  seen_ = seen_objects(std::move(tables));
  return true;
}

const seen_objects& sight::look(const store& all) {
  if (revision_ == all.revision()) return seen_;
  if (!catch_up(all)) seen_ = seen_objects(tables_of(all, ns_));
  revision_ = all.revision();
  return seen_;
}

} // namespace remed::env

#include "environments/embedded/controllers/revisions.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/ownership.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr const char* table = "controllerrevisions.apps";

std::int64_t number_of(const object& revision) {
  return int_at(*revision, {"revision"});
}

json make_revision(const cluster& c, const json& workload, const json& data, std::int64_t number,
                   const char* hash_label) {
  auto ns = text_at(workload, {"metadata", "namespace"});
  auto prefix = text_at(workload, {"metadata", "name"}) + "-";
  auto text = data.dump();
  auto hash = short_hash(text);
  for (int n = 1; c.objects().get(table, {ns, prefix + hash}); ++n) {
    hash = short_hash(text + std::to_string(n));
  }
  auto out = json::object();
  out["apiVersion"] = "apps/v1";
  out["kind"] = "ControllerRevision";
  auto& meta = out["metadata"];
  meta["name"] = prefix + hash;
  meta["namespace"] = ns;
  meta["labels"] = at_path(workload, {"spec", "template", "metadata", "labels"});
  meta["labels"][hash_label] = hash;
  const auto& notes = at_path(workload, {"metadata", "annotations"});
  if (notes.is_object() && !notes.empty()) meta["annotations"] = notes;
  meta["ownerReferences"] = json::array({owner_reference(workload)});
  out["data"] = data;
  out["revision"] = number;
  return out;
}

} // namespace

json template_patch(const json& workload) {
  auto out = json::object();
  out["spec"]["template"] = at_path(workload, {"spec", "template"});
  out["spec"]["template"]["$patch"] = "replace";
  return out;
}

std::vector<object> revisions_of(cluster& c, const json& workload) {
  auto out = claim(c, table, workload, at_path(workload, {"spec", "selector"}));
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return number_of(a) < number_of(b); });
  return out;
}

object present_revision(cluster& c, const json& workload, const std::vector<object>& known,
                        const char* hash_label) {
  auto data = template_patch(workload);
  auto next = known.empty() ? 1 : number_of(known.back()) + 1;
  for (auto one = known.rbegin(); one != known.rend(); ++one) {
    if (at_path(**one, {"data"}) != data) continue;
    if (one == known.rbegin()) return *one;
    // Going back to an earlier template makes it the newest.
    auto now = **one;
    now["revision"] = next;
    return c.put(table, std::move(now));
  }
  return c.put(table, make_revision(c, workload, data, next, hash_label));
}

void trim_revisions(cluster& c, const json& workload, const std::vector<std::string>& live) {
  auto idle = revisions_of(c, workload);
  std::erase_if(idle, [&](const auto& one) {
    return std::find(live.begin(), live.end(), text_at(*one, {"metadata", "name"})) != live.end();
  });
  auto keep = static_cast<std::size_t>(int_at(workload, {"spec", "revisionHistoryLimit"}, 10));
  for (std::size_t i = 0; i + keep < idle.size(); ++i) delete_object(c, table, key_of(*idle[i]));
}

} // namespace remed::env

#include "environments/embedded/controllers/ownership.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>

namespace remed::env {

namespace {

object adopt(cluster& c, const resource_name& resource, const json& obj, const json& owner) {
  auto now = obj;
  auto& refs = now["metadata"]["ownerReferences"];
  if (!refs.is_array()) refs = json::array();
  refs.push_back(owner_reference(owner));
  return c.put(resource, std::move(now));
}

void release(cluster& c, const resource_name& resource, const json& obj, const std::string& uid) {
  auto now = obj;
  auto kept = json::array();
  for (const auto& ref : at_path(obj, {"metadata", "ownerReferences"})) {
    if (text_at(ref, {"uid"}) != uid) kept.push_back(ref);
  }
  if (kept.empty())
    now["metadata"].erase("ownerReferences");
  else
    now["metadata"]["ownerReferences"] = std::move(kept);
  c.put(resource, std::move(now));
}

} // namespace

json selector_of(const json& workload) {
  const auto& selector = at_path(workload, {"spec", "selector"});
  if (text_at(workload, {"kind"}) != "ReplicationController") return selector;
  auto out = json::object();
  out["matchLabels"] = selector;
  return out;
}

std::vector<object> claim(cluster& c, const resource_name& resource, const json& owner,
                          const json& selector, const std::function<bool(const json&)>& fits) {
  std::vector<object> out;
  auto uid = text_at(owner, {"metadata", "uid"});
  const auto mark = mark_of(uid);
  bool leaving = is_deleting(owner);
  for (auto& one : c.objects().list(resource, text_at(owner, {"metadata", "namespace"}))) {
    const auto& known = facts_of(one);
    const auto& ref = *known.controller;
    if (known.owner_mark != 0 && known.owner_mark != mark) continue; // most belong to others
    if (!known.owner.empty() && known.owner != uid) continue;
    if (fits && !fits(*one)) continue;
    bool taken = selects(selector, *known.labels);
    if (!ref.is_null()) {
      if (taken)
        out.push_back(std::move(one));
      else if (!leaving)
        release(c, resource, *one, uid);
    } else if (taken && !leaving && !is_deleting(*one)) {
      out.push_back(adopt(c, resource, *one, owner));
    }
  }
  return out;
}

void notify_owners(cluster& c, const change& seen, std::string_view actor, std::string_view kind,
                   const resource_name& owners) {
  const auto& owner = controller_of(*seen.now);
  auto look = [&](const json& ref) {
    if (text_at(ref, {"kind"}) == kind) {
      c.schedule(duration{0}, actor, seen.key.ns + "/" + text_at(ref, {"name"}));
    }
  };
  if (seen.before && controller_of(*seen.before) != owner) look(controller_of(*seen.before));
  if (!owner.is_null()) {
    look(owner);
    return;
  }
  if (seen.what == change::type::deleted || is_deleting(*seen.now)) return;
  if (seen.before &&
      at_path(*seen.before, {"metadata", "labels"}) == at_path(*seen.now, {"metadata", "labels"}) &&
      controller_of(*seen.before) == owner) {
    return;
  }
  for (const auto& one : c.objects().list(owners, seen.key.ns)) {
    if (selects(selector_of(*one), at_path(*seen.now, {"metadata", "labels"}))) {
      c.schedule(duration{0}, actor, key_text(key_of(*one)));
    }
  }
}

bool has_finalizer(const json& obj, std::string_view finalizer) {
  const auto& all = at_path(obj, {"metadata", "finalizers"});
  return std::find(all.begin(), all.end(), finalizer) != all.end();
}

void drop_finalizer(cluster& c, const resource_name& resource, const object_key& key,
                    std::string_view finalizer) {
  auto obj = c.objects().get(resource, key);
  if (!obj || !has_finalizer(*obj, finalizer)) return;
  auto now = *obj;
  auto kept = json::array();
  for (const auto& one : at_path(*obj, {"metadata", "finalizers"})) {
    if (one != finalizer) kept.push_back(one);
  }
  bool last = kept.empty();
  if (last)
    now["metadata"].erase("finalizers");
  else
    now["metadata"]["finalizers"] = std::move(kept);
  bool runs = resource == "pods" && !text_at(now, {"spec", "nodeName"}).empty() &&
              int_at(now, {"metadata", "deletionGracePeriodSeconds"}) > 0;
  bool goes = last && is_deleting(now) && !runs;
  c.put(resource, std::move(now));
  if (goes) c.erase(resource, key);
}

} // namespace remed::env

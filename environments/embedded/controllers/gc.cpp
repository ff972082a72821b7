// The garbage collector: dependents follow their owners, in one of three ways.
#include "environments/embedded/api/resources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"
#include "environments/embedded/object_facts.hpp"

#include <algorithm>
#include <optional>

namespace remed::env {

namespace {

constexpr std::string_view actor = "garbage-collector";
constexpr const char* foreground = "foregroundDeletion";
constexpr const char* orphan = "orphan";

const json& references(const json& obj) {
  return at_path(obj, {"metadata", "ownerReferences"});
}

struct dependent {
  resource_name resource;
  object obj;
  bool blocks = false;
};

std::vector<dependent> dependents_of(const cluster& c, const std::string& uid,
                                     const std::string& ns) {
  std::vector<dependent> out;
  const auto mark = mark_of(uid);
  for (const auto& resource : known_resources(c)) {
    if (resource == "events" || c.objects().count(resource) == 0) continue;
    for (const auto& obj : c.objects().list(resource, is_namespaced(c, resource) ? ns : "")) {
      const auto& known = facts_of(obj);
      if (known.first_mark != mark && !known.several_owners) continue;
      if (!known.owners->is_array()) continue;
      for (const auto& ref : *known.owners) {
        const auto& by = at_path(ref, {"uid"});
        if (by.is_string() && by.get_ref<const std::string&>() == uid) {
          out.push_back({resource, obj, ref.value("blockOwnerDeletion", false)});
        }
      }
    }
  }
  return out;
}

/// What an ownerReference leads to.
struct owner_found {
  bool known = true;     ///< its kind exists, so that absence means something
  bool reachable = true; ///< a cluster-scoped object cannot be owned from within a namespace
  resource_name resource;
  object obj;
};

owner_found find_owner(const cluster& c, const json& ref, const std::string& ns) {
  owner_found out;
  auto type = find_kind(c.objects(), text_at(ref, {"apiVersion"}), text_at(ref, {"kind"}));
  if (!type) {
    out.known = false;
    return out;
  }
  out.resource = type->table();
  out.reachable = !type->namespaced || !ns.empty();
  auto found = c.objects().get(out.resource, {type->namespaced ? ns : "", text_at(ref, {"name"})});
  if (found && text_at(*found, {"metadata", "uid"}) == text_at(ref, {"uid"})) out.obj = found;
  return out;
}

void drop_references(cluster& c, const resource_name& resource, const json& obj,
                     const std::vector<std::string>& uids) {
  auto now = obj;
  auto kept = json::array();
  for (const auto& ref : references(obj)) {
    if (std::find(uids.begin(), uids.end(), text_at(ref, {"uid"})) == uids.end())
      kept.push_back(ref);
  }
  if (kept.empty())
    now["metadata"].erase("ownerReferences");
  else
    now["metadata"]["ownerReferences"] = std::move(kept);
  c.put(resource, std::move(now));
}

/// "resource|ns/name|uid"
std::string text_of(const resource_name& resource, const json& obj) {
  return resource + "|" + key_text(key_of(obj)) + "|" + text_at(obj, {"metadata", "uid"});
}

class garbage_collector final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "events") return;
    bool gone = seen.what == change::type::deleted;
    bool waits = !gone && is_deleting(*seen.now) &&
                 (has_finalizer(*seen.now, foreground) || has_finalizer(*seen.now, orphan));
    const auto& refs = references(*seen.now);
    bool new_owner = !gone && !refs.empty() && (!seen.before || references(*seen.before) != refs);
    if (gone || waits || new_owner)
      c.schedule(duration{0}, actor, text_of(seen.resource, *seen.now));
    // An owner may have waited for this one, or for its reference to go.
    bool freed = seen.before && references(*seen.before) != refs;
    if (gone || freed) tell_owners(c, seen.before ? *seen.before : *seen.now, seen.key.ns);
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto first = key.find('|'), second = key.rfind('|');
    auto resource = key.substr(0, first);
    auto id = parse_key(key.substr(first + 1, second - first - 1));
    auto uid = key.substr(second + 1);
    auto obj = c.objects().get(resource, id);
    if (!obj || text_at(*obj, {"metadata", "uid"}) != uid) {
      collect(c, uid, id.ns, false);
    } else if (is_deleting(*obj) && has_finalizer(*obj, orphan)) {
      for (const auto& one : dependents_of(c, uid, id.ns))
        drop_references(c, one.resource, *one.obj, {uid});
      drop_finalizer(c, resource, id, orphan);
    } else if (is_deleting(*obj) && has_finalizer(*obj, foreground)) {
      collect(c, uid, id.ns, true);
      auto left = dependents_of(c, uid, id.ns);
      bool blocked =
          std::any_of(left.begin(), left.end(), [](const auto& one) { return one.blocks; });
      if (!blocked) drop_finalizer(c, resource, id, foreground);
    } else if (!is_deleting(*obj)) {
      check_owners(c, {resource, obj}, false);
    }
  }

private:
  static void tell_owners(cluster& c, const json& obj, const std::string& ns) {
    for (const auto& ref : references(obj)) {
      auto owner = find_owner(c, ref, ns);
      if (owner.obj && is_deleting(*owner.obj))
        c.schedule(duration{0}, actor, text_of(owner.resource, *owner.obj));
    }
  }

  static void collect(cluster& c, const std::string& uid, const std::string& ns,
                      bool in_foreground) {
    for (const auto& one : dependents_of(c, uid, ns)) check_owners(c, one, in_foreground);
  }

  /// Without an owner that lives an object goes; with one it loses the others
  /// (attemptToDeleteItem).
  static void check_owners(cluster& c, const dependent& one, bool in_foreground) {
    auto key = key_of(*one.obj);
    std::vector<std::string> lost;
    bool solid = false;
    for (const auto& ref : references(*one.obj)) {
      auto owner = find_owner(c, ref, key.ns);
      if (!owner.known) return;
      if (!owner.reachable) {
        invalid_owner(c, *one.obj, ref);
        return;
      }
      bool leaves = owner.obj && is_deleting(*owner.obj) && has_finalizer(*owner.obj, foreground);
      if (!owner.obj || leaves)
        lost.push_back(text_at(ref, {"uid"}));
      else
        solid = true;
    }
    if (lost.empty()) return;
    if (solid)
      drop_references(c, one.resource, *one.obj, lost);
    else
      remove(c, one, in_foreground);
  }

  /// In the foreground the way down is foreground too: an owner outlives what it owns.
  static void remove(cluster& c, const dependent& one, bool in_foreground) {
    auto key = key_of(*one.obj);
    if (in_foreground && !is_deleting(*one.obj) &&
        !dependents_of(c, text_at(*one.obj, {"metadata", "uid"}), key.ns).empty()) {
      auto now = *one.obj;
      auto& all = now["metadata"]["finalizers"];
      if (!all.is_array()) all = json::array();
      all.push_back(foreground);
      c.put(one.resource, std::move(now));
    }
    delete_object(c, one.resource, key);
  }

  static void invalid_owner(cluster& c, const json& obj, const json& ref) {
    auto text = "ownerRef [" + text_at(ref, {"apiVersion"}) + "/" + text_at(ref, {"kind"}) +
                ", namespace: , name: " + text_at(ref, {"name"}) +
                ", uid: " + text_at(ref, {"uid"}) + "] does not exist in namespace \"\"";
    c.record_event(obj, "Warning", "OwnerRefInvalidNamespace", text,
                   "garbage-collector-controller");
  }
};

} // namespace

std::shared_ptr<const controller> make_garbage_collector() {
  return std::make_shared<garbage_collector>();
}

} // namespace remed::env

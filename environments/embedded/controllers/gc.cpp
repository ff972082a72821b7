// The garbage collector: dependents follow their owners, in one of three ways.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/ownership.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::string_view actor = "garbage-collector";
constexpr const char* foreground = "foregroundDeletion";
constexpr const char* orphan = "orphan";

struct dependent {
  resource_name resource;
  object obj;
  bool blocks = false;
};

std::vector<dependent> dependents_of(const cluster& c, const std::string& uid,
                                     const std::string& ns) {
  std::vector<dependent> out;
  for (const auto& resource : known_resources(c)) {
    if (resource == "events" || c.objects().count(resource) == 0) continue;
    for (const auto& obj : c.objects().list(resource, is_namespaced(c, resource) ? ns : "")) {
      for (const auto& ref : at_path(*obj, {"metadata", "ownerReferences"})) {
        if (ref.value("uid", "") == uid) {
          out.push_back({resource, obj, ref.value("blockOwnerDeletion", false)});
        }
      }
    }
  }
  return out;
}

/// Another owner that is still there keeps an object.
bool has_other_owner(const cluster& c, const json& obj, const std::string& gone) {
  for (const auto& ref : at_path(obj, {"metadata", "ownerReferences"})) {
    if (ref.value("uid", "") == gone) continue;
    for (const auto& resource : known_resources(c)) {
      for (auto ns : {text_at(obj, {"metadata", "namespace"}), std::string{}}) {
        auto owner = c.objects().get(resource, {ns, ref.value("name", "")});
        if (owner && text_at(*owner, {"metadata", "uid"}) == ref.value("uid", "")) return true;
      }
    }
  }
  return false;
}

void drop_reference(cluster& c, const dependent& one, const std::string& uid) {
  auto now = *one.obj;
  auto& refs = now["metadata"]["ownerReferences"];
  auto kept = json::array();
  for (const auto& ref : refs) {
    if (ref.value("uid", "") != uid) kept.push_back(ref);
  }
  if (kept.empty())
    now["metadata"].erase("ownerReferences");
  else
    refs = std::move(kept);
  c.put(one.resource, std::move(now));
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
    if (gone || waits) c.schedule(duration{0}, actor, text_of(seen.resource, *seen.now));
    if (!gone) return;
    // An owner may have waited for this one.
    for (const auto& ref : at_path(*seen.now, {"metadata", "ownerReferences"})) {
      for (const auto& resource : known_resources(c)) {
        auto owner = c.objects().get(resource, {seen.key.ns, ref.value("name", "")});
        if (owner && is_deleting(*owner) &&
            text_at(*owner, {"metadata", "uid"}) == ref.value("uid", "")) {
          c.schedule(duration{0}, actor, text_of(resource, *owner));
        }
      }
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto first = key.find('|'), second = key.rfind('|');
    auto resource = key.substr(0, first);
    auto id = parse_key(key.substr(first + 1, second - first - 1));
    auto uid = key.substr(second + 1);
    auto owner = c.objects().get(resource, id);
    if (owner && text_at(*owner, {"metadata", "uid"}) != uid) owner = nullptr;
    if (!owner) {
      collect(c, uid, id.ns);
    } else if (has_finalizer(*owner, orphan)) {
      for (const auto& one : dependents_of(c, uid, id.ns)) drop_reference(c, one, uid);
      drop_finalizer(c, resource, id, orphan);
    } else if (has_finalizer(*owner, foreground)) {
      collect(c, uid, id.ns, true);
      auto left = dependents_of(c, uid, id.ns);
      bool blocked =
          std::any_of(left.begin(), left.end(), [](const auto& one) { return one.blocks; });
      if (!blocked) drop_finalizer(c, resource, id, foreground);
    }
  }

private:
  static void collect(cluster& c, const std::string& uid, const std::string& ns,
                      bool in_foreground = false) {
    for (const auto& one : dependents_of(c, uid, ns)) {
      if (has_other_owner(c, *one.obj, uid)) {
        drop_reference(c, one, uid);
        continue;
      }
      // In the foreground the way down is foreground too: an owner outlives what it owns.
      bool owns = one.resource == "replicasets.apps" || one.resource == "jobs.batch";
      if (in_foreground && owns && !is_deleting(*one.obj)) {
        auto now = *one.obj;
        if (!now["metadata"].contains("finalizers")) now["metadata"]["finalizers"] = json::array();
        now["metadata"]["finalizers"].push_back(foreground);
        c.put(one.resource, std::move(now));
      }
      delete_object(c, one.resource, key_of(*one.obj));
    }
  }
};

} // namespace

std::shared_ptr<const controller> make_garbage_collector() {
  return std::make_shared<garbage_collector>();
}

} // namespace remed::env

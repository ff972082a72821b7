// CustomResourceDefinitions: names are accepted, and with a definition go its objects.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

namespace {

constexpr std::string_view actor = "crd-controller";
constexpr const char* definitions = "customresourcedefinitions.apiextensions.k8s.io";

json condition(const char* type, const char* reason, const char* message, vtime now) {
  auto out = json::object();
  out["type"] = type;
  out["status"] = "True";
  out["lastTransitionTime"] = rfc3339(now);
  out["reason"] = reason;
  out["message"] = message;
  return out;
}

class crd_controller final : public controller {
public:
  std::string_view name() const override { return actor; }
  std::string_view component() const override { return "kube-apiserver"; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == definitions && seen.what != change::type::deleted) {
      c.schedule(duration{0}, actor, seen.key.name);
    } else if (seen.what == change::type::deleted && c.objects().count(definitions) > 0) {
      auto crd = c.objects().get(definitions, {"", seen.resource});
      if (crd && is_deleting(*crd)) c.schedule(duration{0}, actor, seen.resource);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto crd = c.objects().get(definitions, {"", key});
    if (!crd) return;
    if (is_deleting(*crd))
      clean_up(c, *crd);
    else if (condition_of(*crd, "Established").is_null())
      accept(c, *crd);
  }

private:
  static void accept(cluster& c, json crd) {
    auto& status = crd["status"];
    status["conditions"] = json::array();
    status["conditions"].push_back(
        condition("NamesAccepted", "NoConflicts", "no conflicts found", c.now()));
    status["conditions"].push_back(condition("Established", "InitialNamesAccepted",
                                             "the initial names have been accepted", c.now()));
    status["acceptedNames"] = at_path(crd, {"spec", "names"});
    c.put(definitions, std::move(crd));
  }

  static void clean_up(cluster& c, json crd) {
    const auto name = text_at(crd, {"metadata", "name"});
    for (const auto& one : c.objects().list(name)) {
      if (!is_deleting(*one)) delete_object(c, name, key_of(*one));
    }
    // What has finalizers of its own keeps the definition until they are gone.
    if (c.objects().count(name) > 0) return;
    auto kept = json::array();
    for (const auto& f : at_path(crd, {"metadata", "finalizers"})) {
      if (f != crd_cleanup_finalizer) kept.push_back(f);
    }
    if (kept.empty())
      crd["metadata"].erase("finalizers");
    else
      crd["metadata"]["finalizers"] = kept;
    c.put(definitions, std::move(crd));
    if (kept.empty()) c.erase(definitions, {"", name});
  }
};

} // namespace

std::shared_ptr<const controller> make_crd_controller() {
  return std::make_shared<crd_controller>();
}

} // namespace remed::env

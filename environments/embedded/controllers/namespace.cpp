// Namespaces: what each one is born with, and how it ends.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

#include <map>

namespace remed::env {

namespace {

constexpr std::string_view actor = "namespace-controller";

json named(const char* kind, const std::string& name, const std::string& ns) {
  auto out = json::object();
  out["apiVersion"] = "v1";
  out["kind"] = kind;
  out["metadata"]["name"] = name;
  out["metadata"]["namespace"] = ns;
  return out;
}

/// A text in the shape of a certificate, the same for all namespaces: what pods mount.
std::string root_certificate(const cluster& c) {
  auto other = c.objects().get("configmaps", {"kube-system", "kube-root-ca.crt"});
  if (other) return text_at(*other, {"data", "ca.crt"});
  return "-----BEGIN "
         "CERTIFICATE-----\nMIIBdzCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAjMSEwHwYDVQQDDBhrM3Mtc2Vy\n"
         "-----END CERTIFICATE-----\n";
}

void furnish(cluster& c, const std::string& ns) {
  if (!c.objects().get("serviceaccounts", {ns, "default"})) {
    c.put("serviceaccounts", named("ServiceAccount", "default", ns));
  }
  auto published = c.objects().get("configmaps", {ns, "kube-root-ca.crt"});
  if (!published || text_at(*published, {"data", "ca.crt"}) != root_certificate(c)) {
    auto ca = named("ConfigMap", "kube-root-ca.crt", ns);
    ca["metadata"]["annotations"]["kubernetes.io/description"] =
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
        "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
        "guaranteed across distributions of Kubernetes clusters.";
    ca["data"]["ca.crt"] = root_certificate(c);
    c.put("configmaps", std::move(ca));
  }
}

class namespace_controller final : public controller {
public:
  std::string_view name() const override { return actor; }

  void observe(cluster& c, const change& seen) const override {
    if (seen.resource == "namespaces") {
      if (seen.what != change::type::deleted) c.schedule(duration{0}, actor, "/" + seen.key.name);
    } else if (!seen.key.ns.empty() && seen.resource != "events") {
      // A furnished thing was removed, or a dying namespace lost one of its last objects.
      bool gone = seen.what == change::type::deleted;
      bool edited = seen.resource == "configmaps" && seen.key.name == "kube-root-ca.crt";
      if (gone || edited) c.schedule(duration{0}, actor, "/" + seen.key.ns);
    }
  }

  void reconcile(cluster& c, const std::string& key) const override {
    auto ns = parse_key(key).name;
    auto found = c.objects().get("namespaces", {"", ns});
    if (!found) return;
    if (is_deleting(*found)) {
      end(c, *found, ns);
      return;
    }
    auto now = *found;
    now["status"]["phase"] = "Active";
    if (!now["spec"].contains("finalizers"))
      now["spec"]["finalizers"] = json::array({"kubernetes"});
    now["metadata"]["labels"]["kubernetes.io/metadata.name"] = ns;
    if (now != *found) c.put("namespaces", std::move(now));
    furnish(c, ns);
  }

private:
  /// What is left of a resource, and which finalizers keep it.
  struct remains {
    std::map<std::string, std::size_t> resources, finalizers;
  };

  static remains empty_out(cluster& c, const std::string& ns) {
    remains out;
    for (const auto& resource : known_resources(c)) {
      if (!is_namespaced(c, resource) || resource == "events" || c.objects().count(resource) == 0)
        continue;
      for (const auto& one : c.objects().list(resource, ns)) {
        delete_object(c, resource, key_of(*one));
      }
      for (const auto& one : c.objects().list(resource, ns)) {
        // Core resources are written with an empty group: "pods."
        ++out.resources[resource.find('.') == std::string::npos ? resource + "." : resource];
        for (const auto& name : at_path(*one, {"metadata", "finalizers"}))
          ++out.finalizers[name.get<std::string>()];
      }
    }
    return out;
  }

  static std::string counted(const std::map<std::string, std::size_t>& what, const char* verb) {
    std::vector<std::string> parts;
    for (const auto& [name, n] : what) {
      parts.push_back(name + verb + std::to_string(n) + " resource instances");
    }
    return join(parts, ", ");
  }

  static void tell(const cluster& c, const remains& left, json& status) {
    status["phase"] = "Terminating";
    auto say = [&](const char* type, bool value, const char* reason, const std::string& message) {
      set_condition(status, type, value, reason, message, c.now());
    };
    say("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered",
        "All resources successfully discovered");
    say("NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
        "All legacy kube types successfully parsed");
    say("NamespaceDeletionContentFailure", false, "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization");
    if (left.resources.empty())
      say("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed");
    else
      say("NamespaceContentRemaining", true, "SomeResourcesRemain",
          "Some resources are remaining: " + counted(left.resources, " has "));
    if (left.finalizers.empty())
      say("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers",
          "All content-preserving finalizers finished");
    else
      say("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
          "Some content in the namespace has finalizers remaining: " +
              counted(left.finalizers, " in "));
  }

  static void end(cluster& c, const json& found, const std::string& ns) {
    auto left = empty_out(c, ns);
    auto now = found;
    tell(c, left, now["status"]);
    if (left.resources.empty()) now["spec"].erase("finalizers");
    if (now != found) c.put("namespaces", now);
    if (!left.resources.empty()) return;
    for (const auto& one : c.objects().list("events", ns)) c.erase("events", key_of(*one));
    if (at_path(found, {"metadata", "finalizers"}).empty()) c.erase("namespaces", {"", ns});
  }
};

} // namespace

std::shared_ptr<const controller> make_namespace_controller() {
  return std::make_shared<namespace_controller>();
}

} // namespace remed::env

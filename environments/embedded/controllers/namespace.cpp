// Namespaces: what each one is born with, and how it ends.
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/controllers.hpp"
#include "environments/embedded/controllers/objects.hpp"

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
  if (!c.objects().get("configmaps", {ns, "kube-root-ca.crt"})) {
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
      if (gone) c.schedule(duration{0}, actor, "/" + seen.key.ns);
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
  static void end(cluster& c, const json& found, const std::string& ns) {
    if (text_at(found, {"status", "phase"}) != "Terminating") {
      auto now = found;
      now["status"]["phase"] = "Terminating";
      c.put("namespaces", std::move(now));
    }
    std::size_t left = 0;
    for (const auto& resource : known_resources(c)) {
      if (!is_namespaced(c, resource) || resource == "events") continue;
      for (const auto& one : c.objects().list(resource, ns)) {
        delete_object(c, resource, key_of(*one));
      }
      left += c.objects().list(resource, ns).size();
    }
    if (left > 0) return;
    for (const auto& one : c.objects().list("events", ns)) c.erase("events", key_of(*one));
    if (at_path(found, {"metadata", "finalizers"}).empty()) c.erase("namespaces", {"", ns});
  }
};

} // namespace

std::shared_ptr<const controller> make_namespace_controller() {
  return std::make_shared<namespace_controller>();
}

} // namespace remed::env

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api_server.hpp"

namespace remed::env {

std::string kubeconfig_yaml(const std::vector<kubeconfig_context>& contexts,
                            const std::string& ca_pem) {
  std::string clusters = "clusters:\n", users = "users:\n", all = "contexts:\n";
  const auto authority = ca_pem.empty() ? std::string{} : base64_encode(ca_pem);
  for (const auto& one : contexts) {
    clusters += "- name: " + one.name + "\n  cluster:\n    server: " + one.url + "\n";
    if (!authority.empty()) clusters += "    certificate-authority-data: " + authority + "\n";
    users += "- name: " + one.name + "\n  user:\n    token: " + one.who.token + "\n";
    all += "- name: " + one.name + "\n  context:\n    cluster: " + one.name +
           "\n    user: " + one.name + "\n";
    if (!one.ns.empty()) all += "    namespace: " + one.ns + "\n";
  }
  return "apiVersion: v1\nkind: Config\n" + clusters + users + all +
         "current-context: " + (contexts.empty() ? std::string{"\"\""} : contexts.front().name) +
         "\n";
}

std::string kubeconfig_yaml(const std::string& server_url, const std::string& ca_pem,
                            const identity& who, const std::string& ns) {
  return kubeconfig_yaml({{"remed", server_url, who, ns}}, ca_pem);
}

} // namespace remed::env

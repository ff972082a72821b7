#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api_server.hpp"

namespace remed::env {

std::string kubeconfig_yaml(const std::string& server_url, const std::string& ca_pem,
                            const identity& who, const std::string& ns) {
  std::string out = "apiVersion: v1\nkind: Config\nclusters:\n- name: remed\n  cluster:\n";
  out += "    server: " + server_url + "\n";
  if (!ca_pem.empty()) out += "    certificate-authority-data: " + base64_encode(ca_pem) + "\n";
  out += "users:\n- name: user\n  user:\n    token: " + who.token + "\n";
  out += "contexts:\n- name: remed\n  context:\n    cluster: remed\n    user: user\n";
  if (!ns.empty()) out += "    namespace: " + ns + "\n";
  return out + "current-context: remed\n";
}

} // namespace remed::env

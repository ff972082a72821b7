#include "agents/policies/remedies.hpp"

#include "runtime/yaml.hpp"

namespace remed::agents {

namespace {

/// Wall seconds; the cluster's own clock runs faster while Ansible waits.
constexpr int wait_limit_s = 300, wait_step_s = 1;
constexpr auto workloads = "apps/v1";

std::string indent(const std::string& text, const std::string& by) {
  std::string out;
  std::size_t from = 0;
  while (from < text.size()) {
    auto end = text.find('\n', from);
    if (end == std::string::npos) end = text.size();
    if (end > from) out += by + text.substr(from, end - from);
    out += "\n";
    from = end + 1;
  }
  return out;
}

json object_of(const std::string& api_version, const std::string& kind, const std::string& ns,
               const std::string& name) {
  json object = json::object();
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  object["metadata"]["name"] = name;
  object["metadata"]["namespace"] = ns;
  return object;
}

json naming(const std::string& api_version, const std::string& kind, const std::string& ns,
            const std::string& name) {
  json arguments = json::object();
  arguments["api_version"] = api_version;
  arguments["kind"] = kind;
  arguments["name"] = name;
  arguments["namespace"] = ns;
  return arguments;
}

void wait_for_it(json& arguments) {
  arguments["wait"] = true;
  arguments["wait_sleep"] = wait_step_s;
  arguments["wait_timeout"] = wait_limit_s;
}

} // namespace

playbook_text& playbook_text::task(const std::string& title, const std::string& module,
                                   json arguments) {
  tasks_ += "    - name: " + json(title).dump() + "\n      " + module + ":\n" +
            indent(to_yaml(arguments), "        ");
  return *this;
}

playbook_text& playbook_text::patch(const std::string& title, const std::string& api_version,
                                    const std::string& kind, const std::string& ns,
                                    const std::string& name, json change) {
  json arguments = json::object();
  arguments["state"] = "patched";
  arguments["definition"] = object_of(api_version, kind, ns, name);
  arguments["definition"].update(change, true);
  return task(title, "kubernetes.core.k8s", std::move(arguments));
}

playbook_text& playbook_text::patch_workload(const std::string& title, const std::string& ns,
                                             const workload_ref& which, json spec) {
  json arguments = json::object();
  arguments["state"] = "patched";
  arguments["definition"] = object_of(workloads, which.kind, ns, which.name);
  arguments["definition"]["spec"] = std::move(spec);
  wait_for_it(arguments);
  return task(title, "kubernetes.core.k8s", std::move(arguments));
}

playbook_text& playbook_text::scale(const std::string& title, const std::string& ns,
                                    const workload_ref& which, int replicas) {
  auto arguments = naming(workloads, which.kind, ns, which.name);
  arguments["replicas"] = replicas;
  return task(title, "kubernetes.core.k8s_scale", std::move(arguments));
}

playbook_text& playbook_text::remove(const std::string& title, const std::string& api_version,
                                     const std::string& kind, const std::string& ns,
                                     const std::string& name) {
  auto arguments = naming(api_version, kind, ns, name);
  arguments["state"] = "absent";
  return task(title, "kubernetes.core.k8s", std::move(arguments));
}

playbook_text& playbook_text::roll_back(const std::string& title, const std::string& ns,
                                        const workload_ref& which) {
  return task(title, "kubernetes.core.k8s_rollback", naming(workloads, which.kind, ns, which.name));
}

playbook_text& playbook_text::say(const std::string& title, const std::string& text) {
  json arguments = json::object();
  arguments["msg"] = text;
  return task(title, "ansible.builtin.debug", std::move(arguments));
}

std::string playbook_text::yaml() const {
  return "- name: " + json(title_).dump() +
         "\n  hosts: k3s_control_plane\n  gather_facts: false\n  tasks:\n" + tasks_;
}

json restart_patch(const std::string& stamp) {
  json spec = json::object();
  spec["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = stamp;
  return spec;
}

} // namespace remed::agents

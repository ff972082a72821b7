#include "environments/systems/inference.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/quantity.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

namespace remed::env {

namespace {

constexpr double call_limit_s = 5;
/// A guess at memory is never more than this share of what the container may have.
constexpr double memory_share = 0.6;
constexpr double mebi = 1024.0 * 1024.0;

std::string_view view_at(const json& object, std::initializer_list<std::string_view> path) {
  const auto& found = at_path(object, path);
  return found.is_string() ? std::string_view(found.get_ref<const std::string&>())
                           : std::string_view{};
}

std::string_view kind_of(const json& object) {
  return view_at(object, {"kind"});
}

bool is_workload(const json& object) {
  const auto kind = kind_of(object);
  return kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet";
}

bool is_in(const json& object, std::string_view ns) {
  const auto& of = at_path(object, {"metadata", "namespace"});
  return !of.is_string() || of.get_ref<const std::string&>() == ns;
}

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
}

/// The manifests of one namespace, by what the inference asks of them.
class manifests {
public:
  manifests(const std::vector<const json*>& objects, const std::string& ns) {
    for (const auto* object : objects) {
      if (!is_in(*object, ns)) continue;
      auto name = text_at(*object, {"metadata", "name"});
      const auto kind = kind_of(*object);
      if (is_workload(*object)) workloads_[name] = object;
      if (kind == "Service") services_[name] = object;
      if (kind == "ConfigMap" || kind == "Secret")
        sources_[std::string(kind) + "/" + name] = object;
      if (kind == "Ingress") ingresses_.push_back(object);
    }
    find_behind();
  }

  const std::map<std::string, const json*>& workloads() const { return workloads_; }

  /// The Service a workload answers behind: of its own name, else the first; empty: none.
  std::string service_of(const std::string& workload) const {
    std::string first;
    for (const auto& [service, name] : behind_) {
      if (name != workload) continue;
      if (service == workload) return service;
      if (first.empty()) first = service;
    }
    return first;
  }

  /// Workloads the container speaks of, in order of their names.
  std::set<std::string> called_by(const json& container) const {
    std::set<std::string> out;
    for (const auto& text : environment(container)) find_names(text, true, out);
    for (const auto* field : {"command", "args"}) {
      const auto& words = at_path(container, {field});
      if (!words.is_array()) continue;
      for (const auto& word : words) {
        if (word.is_string()) find_names(word.get<std::string>(), false, out);
      }
    }
    return out;
  }

  /// Workloads that something outside the cluster reaches.
  std::set<std::string> doors() const {
    std::set<std::string> out;
    for (const auto& [service, name] : behind_) {
      auto type = text_at(*services_.at(service), {"spec", "type"});
      if (type == "LoadBalancer" || type == "NodePort") out.insert(name);
    }
    for (const auto* ingress : ingresses_) {
      auto add = [&](const json& backend) {
        auto found = behind_.find(text_at(backend, {"service", "name"}));
        if (found != behind_.end()) out.insert(found->second);
      };
      add(at_path(*ingress, {"spec", "defaultBackend"}));
      const auto& rules = at_path(*ingress, {"spec", "rules"});
      if (!rules.is_array()) continue;
      for (const auto& rule : rules) {
        const auto& paths = at_path(rule, {"http", "paths"});
        if (!paths.is_array()) continue;
        for (const auto& path : paths) add(at_path(path, {"backend"}));
      }
    }
    return out;
  }

private:
  /// Which workload each Service selects, the last one by name. One that it selects has the first
  /// of its labels: others are not looked at.
  void find_behind() {
    struct labelled {
      const std::string* name;
      const json* labels;
    };
    std::map<std::pair<std::string_view, json>, std::vector<labelled>> having;
    for (const auto& [name, workload] : workloads_) {
      const auto& labels = at_path(*workload, {"spec", "template", "metadata", "labels"});
      if (!labels.is_object()) continue;
      for (const auto& [key, value] : labels.get_ref<const json::object_t&>())
        having[{key, value}].push_back({&name, &labels});
    }
    for (const auto& [service, object] : services_) {
      const auto& selector = at_path(*object, {"spec", "selector"});
      if (!selector.is_object() || selector.empty()) continue;
      const auto& first = *selector.get_ref<const json::object_t&>().begin();
      const auto found = having.find({first.first, first.second});
      if (found == having.end()) continue;
      for (const auto& one : found->second) {
        if (selects_by_map(selector, *one.labels)) behind_[service] = *one.name;
      }
    }
  }

  /// All texts of the container's environment.
  std::vector<std::string> environment(const json& container) const {
    std::vector<std::string> out;
    auto add_all = [&](const std::string& source) {
      auto found = sources_.find(source);
      if (found == sources_.end()) return;
      for (const auto* field : {"data", "stringData"}) {
        const auto& values = at_path(*found->second, {field});
        if (!values.is_object()) continue;
        for (const auto& [key, value] : values.items()) {
          if (value.is_string()) out.push_back(value.get<std::string>());
        }
      }
    };
    const auto& env = at_path(container, {"env"});
    for (std::size_t i = 0; env.is_array() && i < env.size(); ++i) {
      auto value = text_at(env[i], {"value"});
      if (!value.empty()) out.push_back(value);
      auto map = text_at(env[i], {"valueFrom", "configMapKeyRef", "name"});
      if (!map.empty()) add_all("ConfigMap/" + map);
      auto secret = text_at(env[i], {"valueFrom", "secretKeyRef", "name"});
      if (!secret.empty()) add_all("Secret/" + secret);
    }
    const auto& from = at_path(container, {"envFrom"});
    for (std::size_t i = 0; from.is_array() && i < from.size(); ++i) {
      add_all("ConfigMap/" + text_at(from[i], {"configMapRef", "name"}));
      add_all("Secret/" + text_at(from[i], {"secretRef", "name"}));
    }
    return out;
  }

  /// A name counts where it is an address: the whole of a value, before a port or a domain, or
  /// after "//" or "@". Elsewhere it may be a word like any other.
  void find_names(const std::string& text, bool whole_counts, std::set<std::string>& out) const {
    for (std::size_t at = 0; at < text.size();) {
      if (!is_name_char(text[at])) {
        ++at;
        continue;
      }
      auto end = at;
      while (end < text.size() && is_name_char(text[end])) ++end;
      auto word = text.substr(at, end - at);
      auto dot = word.find('.');
      auto host = word.substr(0, dot);
      auto port = end + 1 < text.size() && text[end] == ':' &&
                  std::isdigit(static_cast<unsigned char>(text[end + 1]));
      auto after = at > 0 && (text[at - 1] == '/' || text[at - 1] == '@') &&
                   (text[at - 1] == '@' || (at > 1 && text[at - 2] == '/'));
      auto whole = whole_counts && word.size() == text.size();
      // pod-0.service.namespace.svc…: a pod of a StatefulSet by name.
      auto rest = dot == std::string::npos ? std::string{} : word.substr(dot + 1);
      auto second = rest.substr(0, rest.find('.'));
      if (port || after || whole || dot != std::string::npos) {
        auto found = behind_.find(host);
        if (found == behind_.end()) found = behind_.find(second);
        if (found != behind_.end()) out.insert(found->second);
      }
      at = end;
    }
  }

  std::map<std::string, const json*> workloads_, services_, sources_;
  std::map<std::string, std::string> behind_; ///< service: workload
  std::vector<const json*> ingresses_;
};

service_profile profile_of_workload(const manifests& all, const std::string& name,
                                    const json& workload, const runtime_catalogue& runtimes) {
  const auto& containers = at_path(workload, {"spec", "template", "spec", "containers"});
  auto main = containers.is_array() && !containers.empty() ? containers[0] : json::object();
  auto out = runtimes.defaults(runtimes.of(main));
  out.name = name;
  out.inferred = true;
  auto service = all.service_of(name);
  if (service != name) out.service = service;
  auto limit = parse_quantity(text_at(main, {"resources", "limits", "memory"}));
  if (limit && *limit > 0) out.memory_mib = std::min(out.memory_mib, memory_share * *limit / mebi);
  for (const auto& callee : all.called_by(main)) {
    if (callee != name) out.calls.push_back({callee, 1, call_limit_s, true, 0});
  }
  return out;
}

/// Services nobody calls, those that call somebody first; everything calls each other: the first.
std::vector<std::string> roots(const manifests& all, const system_profile& system) {
  std::set<std::string> called;
  for (const auto& [name, profile] : system.services) {
    for (const auto& call : profile.calls) called.insert(call.to);
    for (const auto& route : profile.routes) {
      for (const auto& call : route.calls) called.insert(call.to);
    }
  }
  std::vector<std::string> callers, lonely;
  for (const auto& [name, profile] : system.services) {
    if (called.count(name) || all.service_of(name).empty()) continue;
    (profile.calls.empty() && profile.routes.empty() ? lonely : callers).push_back(name);
  }
  if (!callers.empty()) return callers;
  if (!lonely.empty() || system.services.empty()) return lonely;
  return {system.services.begin()->first};
}

} // namespace

bool shapes_profile(const json& manifest) {
  static const std::set<std::string_view> kinds{"Deployment", "StatefulSet", "DaemonSet", "Service",
                                                "ConfigMap",  "Secret",      "Ingress"};
  return kinds.count(kind_of(manifest)) > 0;
}

bool is_complete(const std::vector<const json*>& objects, const std::string& ns,
                 const system_profile& system) {
  const auto is_told = [](const auto& service) { return service.second.inferred; };
  return !system.entry.empty() &&
         std::none_of(system.services.begin(), system.services.end(), is_told) &&
         std::all_of(objects.begin(), objects.end(), [&](const json* one) {
           return !is_workload(*one) || !is_in(*one, ns) ||
                  system.services.count(text_at(*one, {"metadata", "name"})) > 0;
         });
}

void infer_services(const std::vector<const json*>& objects, const std::string& ns,
                    const runtime_catalogue& runtimes, system_profile& out) {
  manifests all(objects, ns);
  for (const auto& [name, workload] : all.workloads()) {
    if (out.services.count(name)) continue;
    out.services[name] = profile_of_workload(all, name, *workload, runtimes);
  }
  if (!out.entry.empty()) return;
  for (const auto& door : all.doors()) out.entry.push_back(door);
  if (out.entry.empty()) out.entry = roots(all, out);
}

} // namespace remed::env

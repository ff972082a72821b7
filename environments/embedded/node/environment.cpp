#include "environments/embedded/node/environment.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/pod_sync.hpp"

#include <algorithm>
#include <cmath>

namespace remed::env {

namespace {

/// labels and annotations as the downward API prints them: key="value", one a line.
std::string map_text(const json& map) {
  std::string out;
  for (const auto& [key, value] : map.items()) {
    if (!out.empty()) out += '\n';
    out += key + "=" + go_quote(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return out;
}

double node_allocatable(const cluster& c, const char* resource) {
  for (const auto& node : c.objects().list("nodes")) {
    if (auto n = parse_quantity(text_at(*node, {"status", "allocatable", resource}))) return *n;
  }
  return 0;
}

bool is_name(const std::string& name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char ch) {
    return std::isalnum(ch) || ch == '_' || ch == '-' || ch == '.';
  });
}

void add_from(const cluster& c, const std::string& ns, const json& from, environment& out) {
  for (const auto& [field, table] :
       {std::pair{"configMapRef", "configmaps"}, std::pair{"secretRef", "secrets"}}) {
    auto name = text_at(from, {field, "name"});
    auto source = name.empty() ? object{} : c.objects().get(table, {ns, name});
    if (!source) continue;
    for (auto& [key, value] : data_of(*source)) {
      auto variable = text_at(from, {"prefix"}) + key;
      if (is_name(variable)) out.emplace_back(variable, std::move(value));
    }
  }
}

std::optional<std::string> key_of_source(const cluster& c, const std::string& ns, const char* table,
                                         const json& reference) {
  auto source = c.objects().get(table, {ns, text_at(reference, {"name"})});
  if (!source) return std::nullopt;
  auto wanted = text_at(reference, {"key"});
  for (auto& [key, value] : data_of(*source)) {
    if (key == wanted) return std::move(value);
  }
  return std::nullopt;
}

std::optional<std::string> value_from(const cluster& c, const json& pod, const json& container,
                                      const json& from) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  if (from.contains("configMapKeyRef"))
    return key_of_source(c, ns, "configmaps", from["configMapKeyRef"]);
  if (from.contains("secretKeyRef")) return key_of_source(c, ns, "secrets", from["secretKeyRef"]);
  if (from.contains("fieldRef"))
    return downward_field(pod, text_at(from, {"fieldRef", "fieldPath"}));
  if (from.contains("resourceFieldRef"))
    return downward_resource(c, pod, container, from["resourceFieldRef"]);
  return std::nullopt;
}

std::string absent(const cluster& c, const std::string& ns, const json& ref, const char* kind,
                   const char* title, const char* table) {
  if (!ref.is_object() || ref.value("optional", false)) return {};
  auto name = text_at(ref, {"name"});
  auto source = c.objects().get(table, {ns, name});
  if (!source) return std::string(kind) + " \"" + name + "\" not found";
  auto key = text_at(ref, {"key"});
  auto data = data_of(*source);
  bool there = key.empty() || std::any_of(data.begin(), data.end(),
                                          [&](const auto& one) { return one.first == key; });
  return there ? std::string{}
               : "couldn't find key " + key + " in " + title + " " + ns + "/" + name;
}

} // namespace

std::vector<std::pair<std::string, std::string>> data_of(const json& source) {
  std::vector<std::pair<std::string, std::string>> out;
  bool secret = text_at(source, {"kind"}) == "Secret";
  for (const auto& [key, value] : at_path(source, {"data"}).items()) {
    if (!value.is_string()) continue;
    const auto& text = value.get_ref<const std::string&>();
    out.emplace_back(key, secret ? base64_decode(text) : text);
  }
  for (const auto& [key, value] : at_path(source, {"binaryData"}).items()) {
    if (value.is_string())
      out.emplace_back(key, base64_decode(value.get_ref<const std::string&>()));
  }
  return out;
}

std::optional<std::string> downward_field(const json& pod, const std::string& path) {
  auto bracket = path.find("['");
  if (bracket != std::string::npos && path.ends_with("']")) {
    auto map = path.substr(0, bracket) == "metadata.labels" ? "labels" : "annotations";
    return text_at(pod, {"metadata", map, path.substr(bracket + 2, path.size() - bracket - 4)});
  }
  if (path == "metadata.labels") return map_text(at_path(pod, {"metadata", "labels"}));
  if (path == "metadata.annotations") return map_text(at_path(pod, {"metadata", "annotations"}));
  if (path == "status.hostIPs") return text_at(pod, {"status", "hostIP"});
  if (path == "status.podIPs") return text_at(pod, {"status", "podIP"});
  auto parts = split(path, '.');
  if (parts.size() != 2) return std::nullopt;
  return text_at(pod, {parts[0], parts[1]});
}

std::string downward_resource(const cluster& c, const json& pod, const json& container,
                              const json& reference) {
  auto name = text_at(reference, {"containerName"});
  const auto& spec = name.empty() ? container : container_spec(pod, name);
  auto resource = text_at(reference, {"resource"});
  auto dot = resource.find('.');
  auto list = resource.substr(0, dot), what = resource.substr(dot + 1);
  auto amount = parse_quantity(text_at(spec, {"resources", list, what}));
  // Without a limit a container may have what the node has.
  if (!amount && list == "limits") amount = node_allocatable(c, what.c_str());
  auto divisor = parse_quantity(text_at(reference, {"divisor"}, "1")).value_or(1);
  if (divisor <= 0) divisor = 1;
  return std::to_string(static_cast<long long>(std::ceil(amount.value_or(0) / divisor - 1e-9)));
}

std::string expand_references(const std::string& text, const environment& known) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    auto close = text[i + 1] == '(' ? text.find(')', i) : std::string::npos;
    if (text[i + 1] == '$') {
      out += text[++i];
    } else if (close == std::string::npos) {
      out += text[i];
    } else {
      auto name = text.substr(i + 2, close - i - 2);
      auto found = std::find_if(known.rbegin(), known.rend(),
                                [&](const auto& one) { return one.first == name; });
      out += found == known.rend() ? text.substr(i, close - i + 1) : found->second;
      i = close;
    }
  }
  return out;
}

environment resolve_environment(const cluster& c, const json& pod, const json& container) {
  environment out;
  auto ns = text_at(pod, {"metadata", "namespace"});
  for (const auto& from : at_path(container, {"envFrom"})) add_from(c, ns, from, out);
  for (const auto& var : at_path(container, {"env"})) {
    auto name = text_at(var, {"name"});
    if (!var.contains("valueFrom")) {
      out.emplace_back(name, expand_references(text_at(var, {"value"}), out));
    } else if (auto value = value_from(c, pod, container, var["valueFrom"])) {
      out.emplace_back(name, std::move(*value));
    }
  }
  return out;
}

std::string missing_source(const cluster& c, const json& pod, const json& container) {
  auto ns = text_at(pod, {"metadata", "namespace"});
  auto either = [&](const json& from, const char* map, const char* secret) {
    auto text = absent(c, ns, at_path(from, {map}), "configmap", "ConfigMap", "configmaps");
    return text.empty() ? absent(c, ns, at_path(from, {secret}), "secret", "Secret", "secrets")
                        : text;
  };
  for (const auto& from : at_path(container, {"envFrom"})) {
    if (auto text = either(from, "configMapRef", "secretRef"); !text.empty()) return text;
  }
  for (const auto& var : at_path(container, {"env"})) {
    auto text = either(at_path(var, {"valueFrom"}), "configMapKeyRef", "secretKeyRef");
    if (!text.empty()) return text;
  }
  return {};
}

} // namespace remed::env

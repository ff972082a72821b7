#include "chaos/mesh/selector.hpp"

#include "chaos/mesh/go_values.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace remed::chaos::mesh {

namespace {

bool holds(const json& list, const std::string& value) {
  return list.is_array() && std::find(list.begin(), list.end(), json(value)) != list.end();
}

/// Every entry of `wanted` is in `map`.
bool includes(const json& map, const json& wanted) {
  if (!wanted.is_object()) return true;
  for (const auto& [key, value] : wanted.items()) {
    if (!map.is_object() || !map.contains(key) || map[key] != value) return false;
  }
  return true;
}

bool fits_expression(const json& labels, const json& expression) {
  const auto key = text_at(expression, {"key"}), op = text_at(expression, {"operator"});
  const bool there = labels.is_object() && labels.contains(key);
  if (op == "Exists") return there;
  if (op == "DoesNotExist") return !there;
  const bool in = there && holds(at_path(expression, {"values"}), text_at(labels, {key.c_str()}));
  return op == "NotIn" ? !in : in;
}

bool fits_fields(const json& pod, const json& wanted) {
  if (!wanted.is_object()) return true;
  for (const auto& [path, value] : wanted.items()) {
    auto dot = path.find('.');
    if (dot == std::string::npos) return false;
    const auto first = path.substr(0, dot), second = path.substr(dot + 1);
    if (text_at(pod, {first.c_str(), second.c_str()}) != value.get<std::string>()) return false;
  }
  return true;
}

bool fits_node(const env::store& objects, const json& pod, const json& selector) {
  const auto node = text_at(pod, {"spec", "nodeName"});
  const auto& names = at_path(selector, {"nodes"});
  const auto& labels = at_path(selector, {"nodeSelectors"});
  const bool by_name = names.is_array() && !names.empty();
  const bool by_label = labels.is_object() && !labels.empty();
  if (!by_name && !by_label) return true;
  if (by_name && holds(names, node)) return true;
  auto object = objects.get("nodes", {"", node});
  return by_label && object && includes(at_path(*object, {"metadata", "labels"}), labels);
}

bool fits(const env::store& objects, const json& pod, const json& selector) {
  const auto& labels = at_path(pod, {"metadata", "labels"});
  if (!includes(labels, at_path(selector, {"labelSelectors"}))) return false;
  for (const auto& expression : at_path(selector, {"expressionSelectors"})) {
    if (!fits_expression(labels, expression)) return false;
  }
  if (!includes(at_path(pod, {"metadata", "annotations"}),
                at_path(selector, {"annotationSelectors"}))) {
    return false;
  }
  const auto& phases = at_path(selector, {"podPhaseSelectors"});
  if (phases.is_array() && !phases.empty() && !holds(phases, text_at(pod, {"status", "phase"}))) {
    return false;
  }
  return fits_fields(pod, at_path(selector, {"fieldSelectors"})) &&
         fits_node(objects, pod, selector);
}

std::vector<env::object> named_pods(const env::store& objects, const json& pods) {
  std::vector<env::object> out;
  for (const auto& [ns, names] : pods.items()) {
    for (const auto& name : names) {
      if (auto pod = objects.get("pods", {ns, name.get<std::string>()})) out.push_back(pod);
    }
  }
  return out;
}

/// `count` distinct ones of n, at random, in their order.
std::vector<std::size_t> some_of(std::size_t n, std::size_t count, random_source& chance) {
  std::vector<std::size_t> all(n);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::size_t i = 0; i + 1 < n && i < count; ++i)
    std::swap(all[i], all[i + chance.below(n - i)]);
  all.resize(std::min(n, count));
  std::sort(all.begin(), all.end());
  return all;
}

failure bad(std::string what) {
  return {errc::bad_input, std::move(what)};
}

void add_record(json& out, std::string id, const std::string& key) {
  out.push_back({{"id", std::move(id)},
                 {"selectorKey", key},
                 {"phase", "Not Injected"},
                 {"injectedCount", 0},
                 {"recoveredCount", 0}});
}

result<std::vector<env::object>> chosen(const env::store& objects, const json& from,
                                        const std::string& ns, random_source& chance) {
  auto pods = select_pods(objects, at_path(from, {"selector"}), ns);
  if (pods.empty()) return bad("no pod is selected");
  auto left = apply_mode(text_at(from, {"mode"}), text_at(from, {"value"}), pods.size(), chance);
  if (!left) return left.why();
  std::vector<env::object> out;
  for (auto i : *left) out.push_back(pods[i]);
  return out;
}

/// Containers by their names, or the first of the pod.
std::vector<std::string> chosen_containers(const json& spec, const json& pod) {
  const auto& wanted = at_path(spec, {"containerNames"});
  const bool first_only = !wanted.is_array() || wanted.empty();
  std::vector<std::string> out;
  for (const auto& container : at_path(pod, {"spec", "containers"})) {
    auto name = text_at(container, {"name"});
    if (!first_only && !holds(wanted, name)) continue;
    out.push_back(name);
    if (first_only) break;
  }
  return out;
}

/// Where the node keeps a volume of a pod.
result<std::string> volume_path(const env::store& objects, const json& pod,
                                const std::string& name) {
  for (const auto& volume : at_path(pod, {"spec", "volumes"})) {
    if (text_at(volume, {"name"}) != name) continue;
    if (volume.contains("hostPath")) return text_at(volume, {"hostPath", "path"});
    if (!volume.contains("persistentVolumeClaim")) {
      return bad("volume source is not supported: not supported");
    }
    const auto claim = text_at(volume, {"persistentVolumeClaim", "claimName"});
    auto pvc =
        objects.get("persistentvolumeclaims", {text_at(pod, {"metadata", "namespace"}), claim});
    const auto phase = pvc ? text_at(*pvc, {"status", "phase"}) : std::string{};
    if (phase != "Bound") {
      return bad("PVC is not bounded yet: pvc phase: " + phase + ": not supported");
    }
    auto pv = objects.get("persistentvolumes", {"", text_at(*pvc, {"spec", "volumeName"})});
    const auto& source = pv ? at_path(*pv, {"spec"}) : at_path({}, {"spec"});
    if (source.contains("hostPath")) return text_at(source, {"hostPath", "path"});
    if (source.contains("local")) return text_at(source, {"local", "path"});
    return bad("unsupported PersistentVolume source: not supported");
  }
  return std::string{};
}

result<void> add_pods(json& out, const env::store& objects, const kind_info& kind, const json& cr,
                      const json& from, const std::string& key, random_source& chance) {
  auto pods = chosen(objects, from, text_at(cr, {"metadata", "namespace"}), chance);
  if (!pods) return pods.why();
  const auto action = text_at(from, {"action"});
  const auto& special = kind.on_containers;
  const bool by_container = kind.named != records::pods ||
                            std::find(special.begin(), special.end(), action) != special.end();
  for (const auto& pod : *pods) {
    auto id = text_at(*pod, {"metadata", "namespace"}) + "/" + text_at(*pod, {"metadata", "name"});
    if (!by_container) {
      add_record(out, std::move(id), key);
      continue;
    }
    for (const auto& name : chosen_containers(from, *pod)) {
      if (kind.named != records::volumes) {
        add_record(out, id + "/" + name, key);
        continue;
      }
      auto path = volume_path(objects, *pod, text_at(from, {"volumeName"}));
      if (!path) return path.why();
      if (!path->empty()) add_record(out, id + "/" + name + "/" + *path, key);
    }
  }
  return {};
}

result<void> add_machines(json& out, const env::store& objects, const json& cr,
                          random_source& chance) {
  const auto& spec = at_path(cr, {"spec"});
  std::vector<std::string> ids;
  for (const auto& address : at_path(spec, {"address"})) ids.push_back(address);
  const auto& selector = at_path(spec, {"selector"});
  const auto& named = at_path(selector, {"physicalMachines"});
  const auto& labels = at_path(selector, {"labelSelectors"});
  for (const auto& one : objects.list("physicalmachines.chaos-mesh.org")) {
    if (!at_path(spec, {"address"}).empty()) break;
    const auto ns = text_at(*one, {"metadata", "namespace"});
    const auto name = text_at(*one, {"metadata", "name"});
    const auto& namespaces = at_path(selector, {"namespaces"});
    const bool fits = named.is_object() && !named.empty()
                          ? holds(at_path(named, {ns}), name)
                          : (namespaces.empty() || holds(namespaces, ns)) &&
                                includes(at_path(*one, {"metadata", "labels"}), labels);
    if (fits) ids.push_back(ns + "/" + name);
  }
  if (ids.empty()) return bad("no physical machine is selected");
  auto left = apply_mode(text_at(spec, {"mode"}), text_at(spec, {"value"}), ids.size(), chance);
  if (!left) return left.why();
  for (auto i : *left) add_record(out, ids[i], ".");
  return {};
}

/// The selector of a cloud's kind as JSON: what it names is outside the cluster.
std::string cloud_id(const json& cr) {
  auto out = json::object();
  for (const auto& [key, value] : at_path(cr, {"spec"}).items()) {
    if (key != "action" && key != "duration" && key != "secretName") out[key] = value;
  }
  return out.dump();
}

} // namespace

std::vector<env::object> select_pods(const env::store& objects, const json& selector,
                                     const std::string& default_ns) {
  const auto& pods = at_path(selector, {"pods"});
  if (pods.is_object() && !pods.empty()) return named_pods(objects, pods);
  std::vector<std::string> namespaces;
  for (const auto& ns : at_path(selector, {"namespaces"}))
    namespaces.push_back(ns.get<std::string>());
  if (namespaces.empty()) namespaces.push_back(default_ns);
  std::sort(namespaces.begin(), namespaces.end());
  std::vector<env::object> out;
  for (const auto& ns : namespaces) {
    for (const auto& pod : objects.list("pods", ns)) {
      if (fits(objects, *pod, selector)) out.push_back(pod);
    }
  }
  return out;
}

result<std::vector<std::size_t>> apply_mode(const std::string& mode, const std::string& value,
                                            std::size_t n, random_source& chance) {
  if (mode == "all") return some_of(n, n, chance);
  if (mode == "one") return some_of(n, 1, chance);
  auto number = parse_int(value);
  if (mode != "fixed" && mode != "fixed-percent" && mode != "random-max-percent") {
    return bad("mode " + mode + " not supported");
  }
  if (!number) return number.why();
  if (mode == "fixed") {
    if (*number <= 0) return bad("cannot select any pod as value below or equal 0");
    return some_of(n, static_cast<std::size_t>(*number), chance);
  }
  const auto least = mode == "fixed-percent" ? 1 : 0;
  if (*number < least || *number > 100) {
    return bad("fixed percentage value of " + std::to_string(*number) +
               " is invalid, Must be (0,100]");
  }
  auto percent = static_cast<double>(*number);
  if (mode == "random-max-percent") {
    percent = static_cast<double>(chance.below(static_cast<std::uint64_t>(*number) + 1));
  }
  const auto count = std::ceil(static_cast<double>(n) * percent / 100 - 1e-9);
  return some_of(n, static_cast<std::size_t>(std::max(0.0, count)), chance);
}

result<json> make_records(const env::store& objects, const kind_info& kind, const json& cr,
                          random_source& chance) {
  const auto& spec = at_path(cr, {"spec"});
  auto out = json::array();
  if (kind.named == records::cloud) {
    add_record(out, cloud_id(cr), ".");
  } else if (kind.named == records::machines) {
    auto added = add_machines(out, objects, cr, chance);
    if (!added) return added.why();
  } else {
    auto added = add_pods(out, objects, kind, cr, spec, ".", chance);
    if (!added) return added.why();
  }
  if (at_path(spec, {"target", "selector"}).is_object()) {
    auto added = add_pods(out, objects, kind, cr, spec["target"], ".Target", chance);
    if (!added) return added.why();
  }
  if (out.empty()) return bad("no target has been selected");
  return out;
}

target parse_id(const std::string& id) {
  const auto parts = env::split(id, '/');
  target out;
  for (auto [field, i] : {std::pair{&out.ns, 0U}, {&out.pod, 1U}, {&out.container, 2U}}) {
    if (i < parts.size()) *field = parts[i];
  }
  return out;
}

} // namespace remed::chaos::mesh

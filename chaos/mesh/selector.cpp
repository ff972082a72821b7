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
  const auto ns = text_at(cr, {"metadata", "namespace"});
  const auto& spec = at_path(cr, {"spec"});
  auto pods = chosen(objects, spec, ns, chance);
  if (!pods) return pods.why();
  auto out = json::array();
  for (const auto& pod : *pods) {
    auto id = text_at(*pod, {"metadata", "namespace"}) + "/" + text_at(*pod, {"metadata", "name"});
    if (!kind.per_container && text_at(spec, {"action"}) != "container-kill") {
      add_record(out, std::move(id), ".");
      continue;
    }
    const auto& wanted = at_path(spec, {"containerNames"});
    const bool first_only = !wanted.is_array() || wanted.empty();
    for (const auto& container : at_path(*pod, {"spec", "containers"})) {
      auto name = text_at(container, {"name"});
      if (!first_only && !holds(wanted, name)) continue;
      add_record(out, id + "/" + name, ".");
      if (first_only) break;
    }
  }
  if (out.empty()) return bad("no target has been selected");
  return out;
}

target parse_id(const std::string& id) {
  target out;
  auto first = id.find('/'),
       second = id.find('/', first == std::string::npos ? id.size() : first + 1);
  out.ns = id.substr(0, first);
  if (first == std::string::npos) return out;
  out.pod =
      id.substr(first + 1, second == std::string::npos ? std::string::npos : second - first - 1);
  if (second != std::string::npos) out.container = id.substr(second + 1);
  return out;
}

} // namespace remed::chaos::mesh

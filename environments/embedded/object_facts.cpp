#include "environments/embedded/object_facts.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/objects.hpp"
#include "environments/embedded/kept_text.hpp"
#include "environments/embedded/network_policies.hpp"
#include "environments/embedded/node/pod_sync.hpp"

#include <algorithm>
#include <cassert>

namespace remed::env {

namespace {

std::string_view view_of(const json& value) {
  return value.is_string() ? std::string_view(value.get_ref<const std::string&>())
                           : std::string_view{};
}

std::string_view view_at(const json& from, std::initializer_list<std::string_view> path) {
  return view_of(at_path(from, path));
}

container_facts container_of(const json& spec) {
  container_facts out;
  out.name = view_at(spec, {"name"});
  out.image = view_at(spec, {"image"});
  out.cpu_limit = limit_of(spec, "cpu");
  out.memory_limit = limit_of(spec, "memory");
  for (const auto& port : at_path(spec, {"ports"}))
    out.ports.push_back(int_at(port, {"containerPort"}));
  return out;
}

std::vector<endpoint_facts> endpoints_of(const json& subsets) {
  std::vector<endpoint_facts> out;
  if (!subsets.is_array()) return out;
  for (const auto& subset : subsets) {
    const auto& addresses = at_path(subset, {"addresses"});
    if (!addresses.is_array()) continue;
    std::vector<std::int64_t> ports;
    for (const auto& port : at_path(subset, {"ports"})) ports.push_back(int_at(port, {"port"}));
    for (const auto& address : addresses)
      out.push_back({view_at(address, {"targetRef", "name"}), ports});
  }
  return out;
}

/// A bit for each label of a map, the same wherever it stands.
std::uint64_t bits_of(const json& labels) {
  std::uint64_t out = 0;
  if (!labels.is_object()) return out;
  for (const auto& [name, value] : labels.get_ref<const json::object_t&>()) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text) out |= std::uint64_t{1} << ((mark_of(name) * 31 + mark_of(*text)) >> 58);
  }
  return out;
}

/// As a Service's selector, a plain map, or a workload's.
std::uint64_t wanted_bits(const json& selector) {
  const auto& labels = at_path(selector, {"matchLabels"});
  return bits_of(labels.is_object() ? labels : selector);
}

void collect_names(const json& tree, std::vector<std::string_view>& out) {
  if (!tree.is_object()) return;
  for (const auto& [key, below] : tree.get_ref<const json::object_t&>()) {
    if (key.starts_with("f:")) out.push_back(std::string_view(key).substr(2));
    collect_names(below, out);
  }
}

} // namespace

managed_names::managed_names(const json& of) {
  for (const auto& entry : at_path(of, {"metadata", "managedFields"}))
    collect_names(at_path(entry, {"fieldsV1"}), all);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

std::uint64_t mark_of(std::string_view text) {
  if (text.empty()) return 0;
  std::uint64_t h = 14695981039346656037ULL; // FNV-1a
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ULL;
  return h | 1;
}

object_facts::object_facts(const json& of) {
  const auto& meta = at_path(of, {"metadata"});
  uid = view_at(meta, {"uid"});
  ns = view_at(meta, {"namespace"});
  name = view_at(meta, {"name"});
  labels = &at_path(meta, {"labels"});
  owners = &at_path(meta, {"ownerReferences"});
  controller = &controller_of(of);
  owner = view_at(*controller, {"uid"});
  owner_mark = mark_of(owner);
  labels_have = bits_of(*labels);
  if (owners->is_array() && !owners->empty()) {
    first_mark = mark_of(view_at(owners->front(), {"uid"}));
    several_owners = owners->size() > 1;
  }
  deleting = is_deleting(of);
  const auto& spec = at_path(of, {"spec"});
  selector = &at_path(spec, {"selector"});
  selector_wants = wanted_bits(*selector);
  const auto& status = at_path(of, {"status"});
  phase = view_at(status, {"phase"});
  node = view_at(spec, {"nodeName"});
  address = view_at(status, {"podIP"});
  ready = pod_is_ready(of);
  cluster_names = knows_cluster_names(of);
  for (const char* list : {"containers", "initContainers", "ephemeralContainers"}) {
    const auto& all = at_path(spec, {list});
    if (!all.is_array()) continue;
    for (const auto& one : all) containers.push_back(container_of(one));
  }
  const auto& ordinary = at_path(spec, {"containers"});
  if (ordinary.is_array() && !ordinary.empty()) main = containers.front().name;
  endpoints = endpoints_of(at_path(of, {"subsets"}));
  cores = parse_quantity(view_at(status, {"capacity", "cpu"}));
}

const container_facts* object_facts::find(std::string_view container) const {
  auto found = std::find_if(containers.begin(), containers.end(),
                            [&](const auto& one) { return one.name == container; });
  return found == containers.end() ? nullptr : &*found;
}

const object_facts& facts_of(const object& obj) {
  const auto* facts = kept_facts(obj);
  assert(facts && "an object that no store made");
  return *facts;
}

known_pod::known_pod(const store& objects, const json& pod) : json_(pod) {
  const auto& meta = at_path(pod, {"metadata"});
  const auto held = objects.get("pods", {text_at(meta, {"namespace"}), text_at(meta, {"name"})});
  if (held.get() == &pod)
    facts_ = &facts_of(held);
  else
    facts_ = &own_.emplace(pod);
}

} // namespace remed::env

#include "chaos/mesh/kinds.hpp"

#include "chaos/mesh/action.hpp"
#include "environments/embedded/store.hpp"

#include <algorithm>
#include <cctype>

namespace remed::chaos::mesh {

namespace {

kind_info make(const char* kind, records named, std::shared_ptr<const action> how,
               std::vector<std::string> one_shot = {},
               std::vector<std::string> on_containers = {}) {
  kind_info out;
  out.kind = kind;
  out.resource = lower(kind) + "." + group;
  out.embedded = lower(out.kind.substr(0, out.kind.size() - 5)) + "Chaos";
  out.named = named;
  out.one_shot = std::move(one_shot);
  out.on_containers = std::move(on_containers);
  out.how = std::move(how);
  return out;
}

} // namespace

const std::vector<kind_info>& kinds() {
  static const std::vector<kind_info> all = {
      make("StressChaos", records::containers, make_stress()),
      make("NetworkChaos", records::pods, make_network()),
      make("IOChaos", records::containers, make_io()),
      make("PodChaos", records::pods, make_pod(), {"pod-kill", "container-kill"},
           {"container-kill"}),
      make("TimeChaos", records::containers, make_time()),
      make("DNSChaos", records::containers, make_dns()),
      make("HTTPChaos", records::pods, make_http()),
      make("KernelChaos", records::pods, make_kernel()),
      make("JVMChaos", records::containers, make_jvm()),
      make("BlockChaos", records::volumes, make_block()),
      make("PhysicalMachineChaos", records::machines, make_machine()),
      make("AWSChaos", records::cloud, make_cloud(), {"ec2-restart"}),
      make("GCPChaos", records::cloud, make_cloud(), {"node-reset"}),
      make("AzureChaos", records::cloud, make_cloud(), {"vm-restart"}),
  };
  return all;
}

const kind_info* kind_of(const std::string& resource) {
  for (const auto& one : kinds()) {
    if (one.resource == resource) return &one;
  }
  return nullptr;
}

const kind_info* kind_named(const std::string& kind) {
  for (const auto& one : kinds()) {
    if (one.kind == kind) return &one;
  }
  return nullptr;
}

std::string lower(const std::string& text) {
  std::string out;
  for (unsigned char ch : text) out += static_cast<char>(std::tolower(ch));
  return out;
}

bool is_one_shot(const json& cr) {
  const auto* kind = kind_named(text_at(cr, {"kind"}));
  if (!kind) return false;
  const auto& once = kind->one_shot;
  return std::find(once.begin(), once.end(), text_at(cr, {"spec", "action"})) != once.end();
}

bool is_deleted(const json& cr) {
  return !at_path(cr, {"metadata", "deletionTimestamp"}).is_null();
}

bool is_paused(const json& cr) {
  return text_at(cr, {"metadata", "annotations", "experiment.chaos-mesh.org/pause"}) == "true";
}

std::string source_of(const kind_info& kind, const object_key& key) {
  return kind.resource.substr(0, kind.resource.find('.')) + "/" + key.ns + "/" + key.name;
}

env::object write(env::cluster& c, const std::string& resource, json value, bool status_counts) {
  if (auto before = c.objects().get(resource, env::key_of(value))) {
    bool changed = at_path(*before, {"spec"}) != at_path(value, {"spec"});
    if (status_counts)
      changed = changed || at_path(*before, {"status"}) != at_path(value, {"status"});
    auto& generation = value["metadata"]["generation"];
    if (generation.is_null()) generation = 1;
    if (changed) generation = generation.get<std::int64_t>() + 1;
  } else {
    value["metadata"]["generation"] = 1;
  }
  return c.put(resource, std::move(value));
}

} // namespace remed::chaos::mesh

// What controllers and the traffic read of an object at each look: told once in the object's life.
// Objects are immutable and shared by forks, so one reading of the manifests serves them all.
#pragma once

#include "environments/embedded/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remed::env {

/// A container as the pod's spec has it.
struct container_facts {
  std::string_view name, image;
  std::optional<double> cpu_limit;    ///< cores; none: unlimited
  std::optional<double> memory_limit; ///< bytes
  std::vector<std::int64_t> ports;    ///< that it declares
};

/// One address of a subset of an Endpoints object.
struct endpoint_facts {
  std::string_view pod;
  std::vector<std::int64_t> ports; ///< of the subset
};

/// A number for a text: what has another one is another text. 0 for none.
std::uint64_t mark_of(std::string_view text);

/// All of it points into the object: valid as long as that is. What the object lacks is empty, or
/// the JSON null.
struct object_facts {
  explicit object_facts(const json& of);

  // First what tells most objects from those that are looked for, and needs no look into them.
  std::uint64_t owner_mark = 0; ///< of `owner`
  std::uint64_t first_mark = 0; ///< of the uid of its first owner, controller or not
  std::uint64_t labels_have = 0;
  std::uint64_t selector_wants = 0; ///< bits that `labels_have` of all it selects has
  bool deleting = false;
  bool several_owners = false;
  bool ready = false; ///< of pods

  std::string_view uid, ns, name;
  const json* labels;
  const json* selector;   ///< spec.selector
  const json* owners;     ///< metadata.ownerReferences
  const json* controller; ///< the ownerReference with controller: true
  std::string_view owner; ///< its uid

  // of pods
  std::string_view phase, node, address;
  bool cluster_names = true;               ///< its resolver knows the names of the cluster
  std::vector<container_facts> containers; ///< ordinary, init and ephemeral ones, in this order
  std::string_view main;                   ///< the name of the first ordinary one

  // of Endpoints
  std::vector<endpoint_facts> endpoints; ///< the ready ones, in the object's order

  // of nodes
  std::optional<double> cores; ///< of its capacity

  /// The container of that name, or none.
  const container_facts* find(std::string_view container) const;
  /// False: its selector does not take the other. True: it has to be asked.
  bool may_select(const object_facts& other) const {
    return (selector_wants & ~other.labels_have) == 0;
  }
};

/// The names of fields that the managedFields of an object speak of, at any depth, each once:
/// "app" for "f:app". They point into the object.
struct managed_names {
  explicit managed_names(const json& of);
  std::vector<std::string_view> all;
};

/// The facts of an object that make_object made, as all in a store are.
const object_facts& facts_of(const object& obj);

/// A pod and its facts: those kept with the store's object when it is that one, else told anew.
class known_pod {
public:
  explicit known_pod(const object& pod) : json_(*pod), facts_(&facts_of(pod)) {}
  known_pod(const store& objects, const json& pod);
  known_pod(const known_pod&) = delete;
  known_pod& operator=(const known_pod&) = delete;

  const json& as_json() const { return json_; }
  const object_facts* operator->() const { return facts_; }
  const object_facts& facts() const { return *facts_; }

private:
  const json& json_;
  std::optional<object_facts> own_;
  const object_facts* facts_ = nullptr;
};

} // namespace remed::env

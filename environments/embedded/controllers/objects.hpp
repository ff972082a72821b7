// What all controllers do with objects: selectors, owners, deletion.
#pragma once

#include "environments/embedded/cluster.hpp"

#include <string>
#include <vector>

namespace remed::env {

/// "ns/name" (or "/name") and back.
std::string key_text(const object_key& key);
object_key parse_key(const std::string& text);

/// matchLabels and matchExpressions of a LabelSelector against labels; an empty selector takes all.
bool selects(const json& label_selector, const json& labels);
/// A plain map of labels, as a Service has it; an empty one takes nothing.
bool selects_by_map(const json& wanted, const json& labels);

/// The ownerReference with controller: true, or null.
const json& controller_of(const json& obj);
json owner_reference(const json& owner);
/// Objects of a resource whose controller is the owner.
std::vector<object> owned(const cluster& c, const resource_name& resource, const json& owner);

/// Deletes like a client of the API: pods gracefully, what has finalizers by marking it.
void delete_object(cluster& c, const resource_name& resource, const object_key& key);
bool is_deleting(const json& obj);

bool pod_is_ready(const json& pod);
/// Ready for at least `min_ready`; `later` (if given) takes the moment it will be.
bool pod_is_available(const json& pod, duration min_ready, vtime now, vtime* later = nullptr);
/// Neither finished nor being deleted.
bool pod_is_active(const json& pod);

/// The condition of a type in status.conditions, or null.
const json& condition_of(const json& obj, const std::string& type);
/// Sets a condition of a status; the transition is `now` when its value was another.
void set_condition(json& status, const std::string& type, bool value, const std::string& reason,
                   const std::string& message, vtime now);

/// All resources that may hold objects: the built-in ones and those of CustomResourceDefinitions.
std::vector<resource_name> known_resources(const cluster& c);
bool is_namespaced(const cluster& c, const resource_name& resource);

/// Deterministic, in Kubernetes' safe alphabet, as rand.SafeEncodeString of a 32-bit FNV hash.
std::string short_hash(const std::string& text);

} // namespace remed::env

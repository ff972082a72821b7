// Pods as controllers make, delete and rank them.
#pragma once

#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

/// A pod of a template, owned by `owner`; its name is made from "<owner>-" unless it gets one.
json pod_draft(const json& owner, const json& pod_template);

/// Creates a pod through admission. A refusal's text is as the API would answer it
/// (`pods "web-" is forbidden: exceeded quota: …`).
result<object> admit_pod(cluster& c, json draft);

/// Creates or deletes a pod with the events of client-go's RealPodControl: "Created pod: x",
/// "Deleted pod: x", "Error creating: …". A null object: refused, `why` takes the text.
object create_pod(cluster& c, const json& owner, json draft, std::string_view component,
                  std::string* why = nullptr);
void delete_pod(cluster& c, const json& owner, const object_key& key, std::string_view component);

/// Has `actor` look at `key` again after a failure: waits double from 1 s to 1000 s, as with a
/// rate-limited queue, until `succeeded` is said.
void retry_later(cluster& c, std::string_view actor, const std::string& key);
void succeeded(cluster& c, std::string_view actor, const std::string& key);

/// Order in which pods are given up (ActivePodsWithRanks): unassigned, pending, not ready, lower
/// deletion cost, more siblings on the node, ready for a shorter time, more restarts, younger.
void sort_for_deletion(std::vector<object>& pods, const std::vector<object>& siblings, vtime now);

/// intstr.GetScaledValueFromIntOrPercent: a number, or a percentage of `total` rounded up or down.
std::int64_t scaled_value(const json& value, std::int64_t total, bool up, std::int64_t otherwise);

} // namespace remed::env

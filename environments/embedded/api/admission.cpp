#include "environments/embedded/api/admission.hpp"

#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/quota.hpp"
#include "environments/embedded/api/text.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr const char* classes = "priorityclasses.scheduling.k8s.io";

/// Priority: the value comes from the class, or from the one that is the default for all.
result<void> set_priority(const cluster& c, json& pod) {
  auto& spec = pod["spec"];
  auto name = text_at(spec, {"priorityClassName"});
  object found;
  if (!name.empty()) {
    found = c.objects().get(classes, {"", name});
    if (!found) {
      return failure{errc::refused, "no PriorityClass with name " + name + " was found"};
    }
  } else {
    for (const auto& one : c.objects().list(classes)) {
      if (!one->value("globalDefault", false)) continue;
      if (!found || int_at(*one, {"value"}) < int_at(*found, {"value"})) found = one;
    }
    if (found) spec["priorityClassName"] = text_at(*found, {"metadata", "name"});
  }
  if (!found) return {};
  spec["priority"] = int_at(*found, {"value"});
  spec["preemptionPolicy"] = text_at(*found, {"preemptionPolicy"}, "PreemptLowerPriority");
  return {};
}

double amount(const json& value) {
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? parse_quantity(value.get_ref<const std::string&>()).value_or(0) : 0;
}

/// LimitRanger: what a container leaves out is filled in.
void fill_in(const json& limits, json& container, std::vector<std::string>& notes) {
  for (auto [kind, source] : {std::pair{"requests", "defaultRequest"}, {"limits", "default"}}) {
    std::vector<std::string> set;
    for (const auto& [name, value] : at_path(limits, {source}).items()) {
      if (!at_path(container, {"resources", kind, name}).is_null()) continue;
      container["resources"][kind][name] = value;
      set.push_back(name);
    }
    if (set.empty()) continue;
    notes.push_back(join(set, ", ") + (kind[0] == 'r' ? " request" : " limit") + " for container " +
                    text_at(container, {"name"}));
  }
}

/// Why a container is outside of what the range allows; empty: it is inside.
std::string out_of_range(const json& limits, const json& container) {
  for (const auto& [name, least] : at_path(limits, {"min"}).items()) {
    const auto& request = at_path(container, {"resources", "requests", name});
    auto text = least.is_string() ? least.get<std::string>() : least.dump();
    if (request.is_null())
      return "minimum " + name + " usage per Container is " + text + ".  No request is specified";
    if (amount(request) < amount(least))
      return "minimum " + name + " usage per Container is " + text + ", but request is " +
             request.get<std::string>();
  }
  for (const auto& [name, most] : at_path(limits, {"max"}).items()) {
    const auto& limit = at_path(container, {"resources", "limits", name});
    auto text = most.is_string() ? most.get<std::string>() : most.dump();
    if (limit.is_null())
      return "maximum " + name + " usage per Container is " + text + ".  No limit is specified";
    if (amount(limit) > amount(most))
      return "maximum " + name + " usage per Container is " + text + ", but limit is " +
             limit.get<std::string>();
  }
  return {};
}

result<void> apply_limit_ranges(const cluster& c, json& pod) {
  std::vector<std::string> notes;
  auto ranges = c.objects().list("limitranges", text_at(pod, {"metadata", "namespace"}));
  for (const auto& range : ranges) {
    for (const auto& limits : at_path(*range, {"spec", "limits"})) {
      if (text_at(limits, {"type"}) != "Container") continue;
      for (const char* list : {"containers", "initContainers"}) {
        if (!pod["spec"].contains(list)) continue;
        for (auto& container : pod["spec"][list]) {
          fill_in(limits, container, notes);
          auto why = out_of_range(limits, container);
          if (!why.empty()) return failure{errc::refused, why};
        }
      }
    }
  }
  if (!notes.empty()) {
    pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] =
        "LimitRanger plugin set: " + join(notes, "; ");
    pod["status"]["qosClass"] = qos_class(pod["spec"]);
  }
  return {};
}

/// DefaultStorageClass: a claim that names none gets the default one.
void set_storage_class(const cluster& c, json& claim) {
  if (claim["spec"].contains("storageClassName")) return;
  for (const auto& one : c.objects().list("storageclasses.storage.k8s.io")) {
    if (text_at(*one, {"metadata", "annotations", "storageclass.kubernetes.io/is-default-class"}) ==
        "true") {
      claim["spec"]["storageClassName"] = text_at(*one, {"metadata", "name"});
      return;
    }
  }
}

/// A gated pod says so from the start.
void note_gates(const cluster& c, json& pod) {
  if (at_path(pod, {"spec", "schedulingGates"}).empty()) return;
  pod["status"]["conditions"] =
      json::array({json{{"type", "PodScheduled"},
                        {"status", "False"},
                        {"lastProbeTime", nullptr},
                        {"lastTransitionTime", rfc3339(c.now())},
                        {"reason", "SchedulingGated"},
                        {"message", "Scheduling is blocked due to non-empty scheduling gates"}}});
}

} // namespace

result<void> admit(cluster& c, const resource_name& resource, json& obj) {
  if (resource == "pods") {
    if (auto done = set_priority(c, obj); !done) return done;
    if (auto done = apply_limit_ranges(c, obj); !done) return done;
    note_gates(c, obj);
  }
  if (resource == "persistentvolumeclaims") set_storage_class(c, obj);
  if (c.objects().count("resourcequotas") == 0) return {};
  auto why = quota_refusal(c, resource, obj);
  if (!why.empty()) return failure{errc::refused, why};
  return {};
}

} // namespace remed::env

// Eviction: a deletion that asks the pod's disruption budget first (pkg/registry/core/pod/storage).
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "environments/embedded/controllers/objects.hpp"

namespace remed::env {

namespace {

constexpr const char* budgets = "poddisruptionbudgets.policy";

tools::http_response fail(const api_call& call, const api_error& error) {
  note_audit(call, error.code);
  return error_response(call.request, error);
}

std::vector<object> budgets_of(const api_call& call, const json& pod) {
  std::vector<object> out;
  for (const auto& budget : call.c.objects().list(budgets, call.ns)) {
    const auto& selector = at_path(*budget, {"spec", "selector"});
    if (matches_selector(selector, at_path(pod, {"metadata", "labels"}))) out.push_back(budget);
  }
  return out;
}

/// What has ended, not begun or is going anyway disrupts nothing.
bool needs_budget(const json& pod) {
  auto phase = text_at(pod, {"status", "phase"});
  return phase != "Succeeded" && phase != "Failed" && phase != "Pending" && !is_deleting(pod);
}

/// An unready pod may go when the others suffice, or always if the budget says so.
bool ignores_unready(const json& budget, const json& pod) {
  if (pod_is_ready(pod)) return false;
  auto policy = text_at(budget, {"spec", "unhealthyPodEvictionPolicy"}, "IfHealthyBudget");
  auto wanted = int_at(budget, {"status", "desiredHealthy"});
  return policy == "AlwaysAllow" ||
         (int_at(budget, {"status", "currentHealthy"}) >= wanted && wanted > 0);
}

api_error refusal(const std::string& why, std::int64_t retry_after) {
  auto causes = json::array();
  causes.push_back({{"reason", "DisruptionBudget"}, {"message", why}});
  auto out = errors::too_many_requests(
      "Cannot evict pod as it would violate the pod's disruption budget.", causes);
  if (retry_after > 0) out.details["retryAfterSeconds"] = retry_after;
  return out;
}

/// Takes one disruption from the budget, or says why there is none.
maybe_error charge(const api_call& call, const json& budget, bool dry) {
  auto name = text_at(budget, {"metadata", "name"});
  auto number = [&](const char* field) { return int_at(budget, {"status", field}); };
  if (number("observedGeneration") < int_at(budget, {"metadata", "generation"})) {
    return refusal("The disruption budget " + name + " is still being processed by the server.",
                   10);
  }
  if (number("disruptionsAllowed") <= 0) {
    return refusal("The disruption budget " + name + " needs " +
                       std::to_string(number("desiredHealthy")) + " healthy pods and has " +
                       std::to_string(number("currentHealthy")) + " currently",
                   0);
  }
  if (dry) return std::nullopt;
  auto after = budget;
  after["status"]["disruptionsAllowed"] = number("disruptionsAllowed") - 1;
  after["status"]["disruptedPods"][call.name] = rfc3339(call.c.now());
  call.c.put(budgets, std::move(after));
  return std::nullopt;
}

json marked(const api_call& call, json pod) {
  auto condition = json::object();
  condition["type"] = "DisruptionTarget";
  condition["status"] = "True";
  condition["lastProbeTime"] = nullptr;
  condition["lastTransitionTime"] = rfc3339(call.c.now());
  condition["reason"] = "EvictionByEvictionAPI";
  condition["message"] = "Eviction API: evicting";
  pod["status"]["conditions"].push_back(std::move(condition));
  return *call.c.put("pods", std::move(pod));
}

delete_options options_of(const json& body) {
  delete_options out;
  const auto& sent = at_path(body, {"deleteOptions"});
  const auto& grace = at_path(sent, {"gracePeriodSeconds"});
  if (grace.is_number()) out.grace = grace.get<std::int64_t>();
  out.propagation = text_at(sent, {"propagationPolicy"});
  out.uid = text_at(sent, {"preconditions", "uid"});
  out.resource_version = text_at(sent, {"preconditions", "resourceVersion"});
  return out;
}

} // namespace

tools::http_response evict_pod(const api_call& call) {
  json body;
  object left;
  if (auto error = read_body(call, body)) return fail(call, *error);
  auto name = text_at(body, {"metadata", "name"}, call.name);
  if (name != call.name) {
    return fail(call, errors::bad_request("name in URL does not match name in Eviction object"));
  }
  auto before = call.c.objects().get("pods", call.key());
  if (!before || hides_object(call.who, call.type, *before))
    return fail(call, errors::not_found(call.type, call.name));
  auto dry = call.is_dry() || !at_path(body, {"deleteOptions", "dryRun"}).empty();
  auto pod = *before;
  if (needs_budget(pod)) {
    auto all = budgets_of(call, pod);
    if (all.size() > 1) {
      return fail(call, {500, "",
                         "This pod has more than one PodDisruptionBudget, which the eviction "
                         "subresource does not support.",
                         nullptr});
    }
    if (!all.empty() && !ignores_unready(*all[0], pod)) {
      if (auto error = charge(call, *all[0], dry)) return fail(call, *error);
    }
    if (!dry) pod = marked(call, std::move(pod));
  }
  if (!dry) {
    if (auto error = remove_object(call, pod, options_of(body), left)) return fail(call, *error);
    note_audit(call, 201, before, left);
    call.c.settle();
  }
  json out = {{"kind", "Status"},
              {"apiVersion", "v1"},
              {"metadata", json::object()},
              {"status", "Success"},
              {"code", 201}};
  return json_response(call.request, 201, out);
}

} // namespace remed::env

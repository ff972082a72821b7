// Reviews and metrics.
#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "environments/embedded/metrics.hpp"

namespace remed::env {

namespace {

access asked_access(const json& attributes) {
  access out;
  out.verb = text_at(attributes, {"verb"});
  out.group = text_at(attributes, {"group"});
  out.resource = text_at(attributes, {"resource"});
  out.subresource = text_at(attributes, {"subresource"});
  out.ns = text_at(attributes, {"namespace"});
  out.name = text_at(attributes, {"name"});
  return out;
}

json access_status(const store& objects, const identity& who, const json& spec) {
  const auto& attributes = at_path(spec, {"resourceAttributes"});
  bool allowed = attributes.is_object() ? is_allowed(objects, who, asked_access(attributes)) : true;
  auto out = json::object();
  out["allowed"] = allowed;
  return out;
}

identity subject_of(const json& spec) {
  identity out;
  out.user = text_at(spec, {"user"});
  out.groups = spec.value("groups", std::vector<std::string>{});
  return out;
}

json self_status(const identity& who) {
  auto out = json::object();
  out["userInfo"] = {{"username", who.user}, {"uid", who.user}, {"groups", groups_of(who)}};
  return out;
}

} // namespace

tools::http_response answer_review(const api_call& call) {
  json review;
  if (auto error = read_body(call, review)) return error_response(call.request, *error);
  if (review.is_null()) review = json::object();
  review["kind"] = call.type.kind;
  review["apiVersion"] = call.type.api_version();
  if (!review.contains("metadata")) review["metadata"] = json::object();
  const auto spec = review.value("spec", json::object());
  const auto& objects = call.c.objects();
  if (call.type.kind == "SelfSubjectAccessReview") {
    review["status"] = access_status(objects, call.who, spec);
  } else if (call.type.kind == "SelfSubjectRulesReview") {
    review["status"] = rules_of(objects, call.who, text_at(spec, {"namespace"}));
  } else if (call.type.kind == "SelfSubjectReview") {
    review["status"] = self_status(call.who);
  } else if (call.type.kind == "TokenReview") {
    review["status"]["authenticated"] = false;
    for (const auto& known : call.server.identities) {
      if (known->token != text_at(spec, {"token"})) continue;
      review["status"] = {{"authenticated", true},
                          {"user", {{"username", known->user}, {"groups", groups_of(*known)}}}};
    }
  } else {
    review["status"] = access_status(objects, subject_of(spec), spec);
  }
  return json_response(call.request, 201, review);
}

tools::http_response read_metrics(const api_call& call) {
  bool nodes = call.type.plural == "nodes";
  auto labels = parse_label_selector(call.request.query.get("labelSelector"));
  if (!labels) return error_response(call.request, errors::bad_request(labels.why().what));
  auto items = nodes ? node_metrics(call.c) : pod_metrics(call.c, call.ns);
  auto kept = json::array();
  for (auto& item : items) {
    if (!call.name.empty() && text_at(item, {"metadata", "name"}) == call.name) {
      return json_response(call.request, 200, std::move(item));
    }
    if (matches(*labels, at_path(item, {"metadata", "labels"}))) kept.push_back(std::move(item));
  }
  if (!call.name.empty()) {
    auto error = errors::not_found(call.type, call.name);
    // metrics-server names the pod with its namespace.
    if (!nodes) {
      error.message =
          "podmetrics.metrics.k8s.io " + go_quote(call.ns + "/" + call.name) + " not found";
    } else {
      error.message = "nodemetrics.metrics.k8s.io " + go_quote(call.name) + " not found";
    }
    return error_response(call.request, error);
  }
  auto out = json::object();
  out["kind"] = nodes ? "NodeMetricsList" : "PodMetricsList";
  out["apiVersion"] = "metrics.k8s.io/v1beta1";
  out["metadata"] = json::object();
  out["items"] = std::move(kept);
  return json_response(call.request, 200, std::move(out));
}

} // namespace remed::env

// scale, token.
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/patch.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"

namespace remed::env {

namespace {

json scale_of(const json& obj) {
  auto out = json::object();
  out["kind"] = "Scale";
  out["apiVersion"] = "autoscaling/v1";
  for (auto* name : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    out["metadata"][name] = at_path(obj, {"metadata", name});
  }
  out["spec"]["replicas"] = int_at(obj, {"spec", "replicas"});
  out["status"]["replicas"] = int_at(obj, {"status", "replicas"});
  std::vector<std::string> terms;
  for (const auto& [key, value] : at_path(obj, {"spec", "selector", "matchLabels"}).items()) {
    terms.push_back(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
  }
  if (!terms.empty()) out["status"]["selector"] = join(terms, ",");
  return out;
}

maybe_error sent_scale(const api_call& call, const json& current, json& out) {
  json body;
  if (auto error = read_body(call, body)) return error;
  out = current;
  if (call.verb == "update") {
    out = body;
    return std::nullopt;
  }
  auto type = call.request.headers.get("Content-Type");
  if (type.find("json-patch") != std::string_view::npos) return json_patch(out, body);
  if (type.find("apply-patch") != std::string_view::npos) {
    return errors::unsupported_media(
        "server-side apply of the scale subresource is not supported; "
        "apply spec.replicas of the object instead");
  }
  return merge_patch(out, body);
}

tools::http_response fail(const api_call& call, const api_error& error) {
  note_audit(call, error.code);
  return error_response(call.request, error);
}

} // namespace

tools::http_response get_scale(const api_call& call) {
  auto obj = call.c.objects().get(call.type.table(), call.key());
  if (!obj) return error_response(call.request, errors::not_found(call.type, call.name));
  return json_response(call.request, 200, scale_of(*obj));
}

tools::http_response write_scale(const api_call& call) {
  auto before = call.c.objects().get(call.type.table(), call.key());
  if (!before || hides_object(call.who, call.type, *before))
    return fail(call, errors::not_found(call.type, call.name));
  json wanted;
  if (auto error = sent_scale(call, scale_of(*before), wanted)) return fail(call, *error);
  auto version = text_at(wanted, {"metadata", "resourceVersion"});
  if (!version.empty() && version != text_at(*before, {"metadata", "resourceVersion"})) {
    return fail(call, errors::conflict(call.type, call.name));
  }
  const auto& replicas = at_path(wanted, {"spec", "replicas"});
  if (!replicas.is_null() && !replicas.is_number_integer()) {
    return fail(call, errors::bad_request("json: cannot unmarshal string into Go struct field "
                                          "ScaleSpec.spec.replicas of type int32"));
  }
  if (int_at(wanted, {"spec", "replicas"}) < 0) {
    return fail(call, errors::invalid("autoscaling", "Scale", call.name,
                                      {invalid("spec.replicas", replicas,
                                               "must be greater than or equal to 0")}));
  }
  auto after = *before;
  after["spec"]["replicas"] = int_at(wanted, {"spec", "replicas"});
  object written;
  if (auto error = store_update(call, before, std::move(after), written)) return fail(call, *error);
  return json_response(call.request, 200, scale_of(*written));
}

tools::http_response issue_token(const api_call& call) {
  if (!call.c.objects().get("serviceaccounts", call.key())) {
    return fail(call, errors::not_found(call.type, call.name));
  }
  identity who;
  who.user = "system:serviceaccount:" + call.ns + ":" + call.name;
  for (const auto& known : call.server.identities) {
    if (known->user == who.user) who = *known;
  }
  who.token = call.c.random().uuid() + call.c.random().uuid();
  // Whoever asks cannot see more through the token than through their own eyes.
  who.mask_injection = who.mask_injection || call.who.mask_injection;
  if (call.who.mask_injection) {
    who.hidden_groups = call.who.hidden_groups;
    who.masked_annotation_prefix = call.who.masked_annotation_prefix;
  }
  auto out = json::object();
  out["kind"] = "TokenRequest";
  out["apiVersion"] = "authentication.k8s.io/v1";
  out["metadata"] = {{"name", call.name}, {"namespace", call.ns}};
  out["spec"] = {{"audiences", json::array({"https://kubernetes.default.svc"})},
                 {"expirationSeconds", 3600}};
  out["status"] = {{"token", who.token},
                   {"expirationTimestamp", rfc3339(call.c.now() + std::chrono::hours{1})}};
  auto& all = call.server.identities;
  all.push_back(std::make_shared<const identity>(std::move(who)));
  note_audit(call, 201);
  return json_response(call.request, 201, out);
}

} // namespace remed::env

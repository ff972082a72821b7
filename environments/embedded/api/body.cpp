// Reading what a client sent: body, unknown fields, selectors, options of DELETE.
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/protobuf.hpp"
#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/utf8.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "runtime/yaml.hpp"

#include <algorithm>
#include <map>

namespace remed::env {

namespace {

/// The words of Go's JSON decoder for the byte where ours stopped.
std::string go_parse_error(const std::string& text, std::size_t byte) {
  if (byte > text.size() || byte == 0) return "unexpected end of JSON input";
  auto at = byte - 1;
  std::string what = "looking for beginning of value";
  for (auto i = at; i-- > 0;) {
    if (std::isspace(static_cast<unsigned char>(text[i]))) continue;
    if (text[i] == '{')
      what = "looking for beginning of object key string";
    else if (text[i] == '"' || text[i] == '}' || text[i] == ']')
      what = "after object key:value pair";
    break;
  }
  return std::string("invalid character '") + text[at] + "' " + what;
}

std::string in_version(const resource_type& type) {
  return type.kind + " in version " + go_quote(type.version) + " cannot be handled as a " +
         type.kind;
}

} // namespace

namespace {

/// The start of a body for a message, as the apiserver summarises it.
std::string summary_of(const std::string& body) {
  constexpr std::size_t most = 30;
  auto start = body.substr(0, most);
  if (body[0] != '{' && body[0] != '[') {
    std::string hex;
    for (unsigned char c : start) {
      hex += "0123456789abcdef"[c >> 4];
      hex += "0123456789abcdef"[c & 15];
    }
    start = hex;
  }
  return body.size() > most ? start + " ..." : start;
}

api_error invalid_patch(const std::string& value, const std::string& why) {
  return errors::invalid(
      "", "", "",
      {{"patch", "Invalid value: " + go_quote(value) + ": " + why, "FieldValueInvalid"}});
}

/// A type error of Go's JSON decoder in the words of apimachinery's converter of unstructured
/// content, which reads what a strategic merge patch has made.
std::string as_converted(const std::string& why) {
  constexpr std::string_view start = "json: cannot unmarshal ", middle = " of type ";
  const auto type_at = why.rfind(middle);
  if (why.rfind(start, 0) != 0 || type_at == std::string::npos) return why;
  const auto type = why.substr(type_at + middle.size());
  const auto word = why.substr(start.size(), why.find(' ', start.size()) - start.size());
  static const std::map<std::string, std::string> kinds{
      {"number", "int64"}, {"object", "map"}, {"array", "slice"}};
  const auto known = kinds.find(word);
  const auto& kind = known == kinds.end() ? word : known->second;
  if (type.rfind("map[", 0) == 0) return "cannot restore map from " + kind;
  if (type.rfind("[]", 0) == 0) return "cannot restore slice from " + kind;
  if (type.find('.') != std::string::npos) return "cannot restore struct from: " + kind;
  if (type == "string" && kind == "int64") return "cannot convert int64 to string";
  return "unrecognized type: " + type;
}

api_error unrecognized(const api_call& call, const std::string& why) {
  return errors::bad_request("the object provided is unrecognized (must be of type " +
                             call.type.kind + "): " + why + " (" + summary_of(call.request.body) +
                             ")");
}

std::string unknown_format(const api_call& call) {
  const char* known = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
  if (call.verb == "patch") {
    known =
        "application/json-patch+json, application/merge-patch+json, "
        "application/strategic-merge-patch+json, application/apply-patch+yaml";
  } else if (call.type.custom) {
    known = "application/json, application/yaml";
  }
  return std::string(
             "the body of the request was in an unknown format - accepted media types "
             "include: ") +
         known;
}

maybe_error read_wire(const api_call& call, json& out) {
  if (call.type.custom || call.verb == "patch") {
    return errors::unsupported_media(unknown_format(call));
  }
  auto body = read_protobuf(call.request.body);
  if (!body.error.empty()) {
    if (body.kind.empty()) return unrecognized(call, body.error);
    auto version = body.api_version.substr(body.api_version.rfind('/') + 1);
    return errors::bad_request(body.kind + " in version " + go_quote(version) +
                               " cannot be handled as a " + call.type.kind + ": " + body.error);
  }
  out = std::move(body.value);
  return std::nullopt;
}

maybe_error read_yaml_body(const std::string& body, json& out) {
  auto parsed = parse_yaml(body, "body");
  if (!parsed) return errors::bad_request("error decoding YAML: " + parsed.why().what);
  out = parsed->empty() ? json(nullptr) : std::move(parsed->front().value);
  return std::nullopt;
}

} // namespace

maybe_error read_body(const api_call& call, json& out) {
  auto type = call.request.headers.get("Content-Type");
  auto has = [&](const char* word) { return type.find(word) != std::string_view::npos; };
  const auto& body = call.request.body;
  out = nullptr;
  if (body.empty()) return std::nullopt;
  if (has("protobuf") || has("yaml")) {
    auto error = has("yaml") ? read_yaml_body(body, out) : read_wire(call, out);
    if (!error && !holds_utf8(out)) return errors::bad_request("invalid UTF-8 in the request body");
    return error;
  }
  if (!type.empty() && !has("json")) {
    return call.verb == "patch" ? errors::unsupported_media("415: Unsupported Media Type")
                                : errors::unsupported_media(unknown_format(call));
  }
  try {
    out = json::parse(body);
  } catch (const json::parse_error& e) {
    if (call.verb == "patch")
      return errors::bad_request("error decoding patch: " + go_parse_error(body, e.byte));
    return unrecognized(
        call, "couldn't get version/kind; json parse error: " + go_parse_error(body, e.byte));
  } catch (const json::exception& e) {
    return errors::bad_request(e.what());
  }
  return std::nullopt;
}

maybe_error check_fields(const api_call& call, json& obj, std::vector<std::string>& warnings,
                         const std::string& patch) {
  if (!call.type.schema) return std::nullopt;
  if (!call.type.custom) {
    if (auto why = decode_error(*call.type.schema, obj)) {
      if (call.verb != "patch") return errors::bad_request(in_version(call.type) + ": " + *why);
      // A merge is judged as a whole, a strategic one field by field, by another reader.
      return patch.empty() ? invalid_patch(obj.dump(), *why)
                           : invalid_patch(patch, as_converted(*why));
    }
  }
  auto mode = call.request.query.get("fieldValidation", "Warn");
  if (mode != "Ignore") {
    auto unknown = unknown_fields(*call.type.schema, obj);
    if (mode == "Strict" && !unknown.empty()) {
      auto why = "strict decoding error: " + join(unknown, ", ");
      if (call.verb != "patch") return errors::bad_request(in_version(call.type) + ": " + why);
      return invalid_patch(patch.empty() ? obj.dump() : patch, why);
    }
    for (auto& u : unknown) warnings.push_back(std::move(u));
  }
  prune(*call.type.schema, obj);
  return std::nullopt;
}

void add_warnings(tools::http_response& response, const std::vector<std::string>& warnings) {
  for (const auto& w : warnings) response.headers.add("Warning", "299 - " + go_quote(w));
}

/// What a webhook says; one that cannot read the object refuses it.
static result<void> reviewed(const admission& by, const admission_request& asked, json& now) {
  try {
    return by.review(asked, now);
  } catch (const json::exception& e) {
    return failure{errc::bad_input, std::string("json: ") + e.what()};
  }
}

maybe_error run_admissions(const api_call& call, const json* before, json& now) {
  const auto table = call.type.table();
  for (const auto& a : call.c.rules().admissions) {
    if (a.resource != table) continue;
    auto verdict = reviewed(a, {call.c, call.who, before}, now);
    if (verdict) continue;
    return api_error{
        403, "Forbidden",
        "admission webhook " + go_quote(a.name) + " denied the request: " + verdict.why().what,
        json::object()};
  }
  return std::nullopt;
}

std::string manager_of(const tools::http_request& request) {
  if (auto given = request.query.get("fieldManager"); !given.empty()) return given;
  std::string agent(request.headers.get("User-Agent"));
  auto name = agent.substr(0, agent.find('/'));
  return name.empty() ? "unknown" : name.substr(0, 128);
}

maybe_error read_filter(const api_call& call, list_filter& out) {
  auto labels = parse_label_selector(call.request.query.get("labelSelector"));
  if (!labels) return errors::bad_request(labels.why().what);
  auto fields = parse_field_selector(call.type, call.request.query.get("fieldSelector"));
  if (!fields) return errors::bad_request(fields.why().what);
  out.labels = std::move(*labels);
  out.fields = std::move(*fields);
  return std::nullopt;
}

bool passes(const api_call& call, const list_filter& filter, const json& obj) {
  const auto is = [&](std::string_view field, const std::string& wanted) {
    if (wanted.empty()) return true;
    const auto* text = at_path(obj, {"metadata", field}).get_ptr<const std::string*>();
    return text && *text == wanted;
  };
  return is("namespace", call.ns) && is("name", call.name) && is_selected(call, filter, obj);
}

bool is_selected(const api_call& call, const list_filter& filter, const json& obj) {
  if (hides_object(call.who, call.type, obj)) return false;
  if (!filter.labels.empty() && !matches(filter.labels, at_path(obj, {"metadata", "labels"})))
    return false;
  return matches_fields(filter.fields, obj);
}

namespace {

void read_delete_body(const json& body, delete_options& out) {
  out.propagation = text_at(body, {"propagationPolicy"}, out.propagation);
  if (at_path(body, {"gracePeriodSeconds"}).is_number())
    out.grace = int_at(body, {"gracePeriodSeconds"});
  const auto& orphan = at_path(body, {"orphanDependents"});
  if (orphan.is_boolean() && orphan.get<bool>()) out.propagation = "Orphan";
  out.uid = text_at(body, {"preconditions", "uid"});
  out.resource_version = text_at(body, {"preconditions", "resourceVersion"});
}

} // namespace

maybe_error read_delete_options(const api_call& call, delete_options& out) {
  json body;
  if (auto error = read_body(call, body)) return error;
  const auto& query = call.request.query;
  out.propagation = query.get("propagationPolicy");
  if (query.has("gracePeriodSeconds")) {
    out.grace = std::strtoll(query.get("gracePeriodSeconds").c_str(), nullptr, 10);
  }
  if (query.flag("orphanDependents")) out.propagation = "Orphan";
  if (body.is_object()) read_delete_body(body, out);
  static const std::vector<std::string> policies = {"Foreground", "Background", "Orphan", "nil"};
  bool known =
      std::find(policies.begin(), policies.end() - 1, out.propagation) != policies.end() - 1;
  if (out.propagation.empty() || known) return std::nullopt;
  return errors::invalid("meta.k8s.io", "DeleteOptions", "",
                         {not_supported("propagationPolicy", out.propagation, policies)});
}

} // namespace remed::env

// Reading what a client sent: body, unknown fields, selectors, options of DELETE.
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/selectors.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "runtime/yaml.hpp"

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

maybe_error read_body(const api_call& call, json& out) {
  auto type = call.request.headers.get("Content-Type");
  const auto& body = call.request.body;
  if (type.find("protobuf") != std::string_view::npos && !body.empty()) {
    return errors::unsupported_media(
        "the body of the request was in protobuf, which this server does not read; use 'kubectl "
        "create -f FILE', 'kubectl apply -f FILE' or add '--dry-run=client -o yaml | kubectl apply "
        "-f "
        "-' to send JSON");
  }
  if (body.empty()) {
    out = nullptr;
    return std::nullopt;
  }
  if (type.find("yaml") != std::string_view::npos) {
    auto parsed = parse_yaml(body, "body");
    if (!parsed) return errors::bad_request("error decoding YAML: " + parsed.why().what);
    out = parsed->empty() ? json(nullptr) : std::move(parsed->front().value);
    return std::nullopt;
  }
  try {
    out = json::parse(body);
  } catch (const json::parse_error& e) {
    return errors::bad_request("the object provided is unrecognized (must be of type " +
                               call.type.kind + "): couldn't get version/kind; json parse error: " +
                               go_parse_error(body, e.byte) + " (" + body.substr(0, 64) + ")");
  } catch (const json::exception& e) {
    return errors::bad_request(e.what());
  }
  return std::nullopt;
}

maybe_error check_fields(const api_call& call, json& obj, std::vector<std::string>& warnings) {
  if (!call.type.schema) return std::nullopt;
  if (!call.type.custom) {
    if (auto why = decode_error(*call.type.schema, obj)) {
      return errors::bad_request(in_version(call.type) + ": " + *why);
    }
  }
  auto mode = call.request.query.get("fieldValidation", "Warn");
  if (mode != "Ignore") {
    auto unknown = unknown_fields(*call.type.schema, obj);
    if (mode == "Strict" && !unknown.empty()) {
      auto why = "strict decoding error: " + join(unknown, ", ");
      if (call.verb != "patch") return errors::bad_request(in_version(call.type) + ": " + why);
      return errors::invalid(
          "", "", "",
          {{"patch", "Invalid value: " + go_quote(obj.dump()) + ": " + why, "FieldValueInvalid"}});
    }
    for (auto& u : unknown) warnings.push_back(std::move(u));
  }
  prune(*call.type.schema, obj);
  return std::nullopt;
}

void add_warnings(tools::http_response& response, const std::vector<std::string>& warnings) {
  for (const auto& w : warnings) response.headers.add("Warning", "299 - " + go_quote(w));
}

maybe_error run_admissions(const api_call& call, const json* before, json& now) {
  for (const auto& a : call.c.rules().admissions) {
    if (a.resource != call.type.table()) continue;
    auto verdict = a.review(call.c, before, now);
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
  if (!call.ns.empty() && text_at(obj, {"metadata", "namespace"}) != call.ns) return false;
  if (!call.name.empty() && text_at(obj, {"metadata", "name"}) != call.name) return false;
  if (hides_object(call.who, obj)) return false;
  return matches(filter.labels, at_path(obj, {"metadata", "labels"})) &&
         matches_fields(filter.fields, obj);
}

maybe_error read_delete_options(const api_call& call, delete_options& out) {
  json body;
  if (auto error = read_body(call, body)) return error;
  const auto& query = call.request.query;
  out.propagation = query.get("propagationPolicy");
  if (query.has("gracePeriodSeconds")) {
    out.grace = std::strtoll(query.get("gracePeriodSeconds").c_str(), nullptr, 10);
  }
  if (query.flag("orphanDependents")) out.propagation = "Orphan";
  if (!body.is_object()) return std::nullopt;
  out.propagation = text_at(body, {"propagationPolicy"}, out.propagation);
  if (at_path(body, {"gracePeriodSeconds"}).is_number())
    out.grace = int_at(body, {"gracePeriodSeconds"});
  const auto& orphan = at_path(body, {"orphanDependents"});
  if (orphan.is_boolean() && orphan.get<bool>()) out.propagation = "Orphan";
  out.uid = text_at(body, {"preconditions", "uid"});
  out.resource_version = text_at(body, {"preconditions", "resourceVersion"});
  if (!out.propagation.empty() && out.propagation != "Background" &&
      out.propagation != "Foreground" && out.propagation != "Orphan") {
    return errors::invalid("meta.k8s.io", "DeleteOptions", "",
                           {{"propagationPolicy",
                             "Unsupported value: " + go_quote(out.propagation) +
                                 ": supported values: \"Background\", \"Foreground\", \"Orphan\"",
                             "FieldValueNotSupported"}});
  }
  return std::nullopt;
}

} // namespace remed::env

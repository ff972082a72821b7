#include "environments/embedded/api/context.hpp"

#include "environments/embedded/api/faces.hpp"
#include "environments/embedded/api/list.hpp"
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/controllers/node.hpp"
#include "runtime/json_end.hpp"
#include "runtime/json_text.hpp"

#include <utility>

namespace remed::env {

void api_server::state::after(duration from_now, std::function<void()> then) {
  auto id = next_wait++;
  auto& wait = waits[id];
  wait = std::make_unique<virtual_wait>(c, *loop);
  wait->until(from_now, [this, id, then = std::move(then), weak = std::weak_ptr<const bool>(alive),
                         to = loop] {
    then();
    // Not from within the waiter itself.
    to->post([this, id, weak] {
      if (!weak.expired()) waits.erase(id);
    });
  });
}

/// People at a terminal get indented JSON, programs compact JSON.
bool wants_pretty(const tools::http_request& request) {
  if (request.query.has("pretty")) return request.query.flag("pretty");
  auto agent = request.headers.get("User-Agent");
  for (std::string_view name : {"curl", "Wget", "Mozilla"}) {
    if (agent.substr(0, name.size()) == name) return true;
  }
  return false;
}

wanted_shape shape_of(const tools::http_request& request) {
  wanted_shape out;
  for (const auto& part : split(request.headers.get("Accept"), ',')) {
    auto has = [&](const char* text) { return part.find(text) != std::string::npos; };
    if (has("v=v1beta1"))
      out.version = "v1beta1";
    else
      out.version = "v1";
    if (has("as=Table"))
      out.what = wanted_shape::form::table;
    else if (has("as=PartialObjectMetadata"))
      out.what = wanted_shape::form::partial;
    else if (has("json") || has("*/*"))
      out.what = wanted_shape::form::plain;
    else
      continue;
    return out;
  }
  return out;
}

tools::http_response json_header(int status) {
  tools::http_response out;
  out.status = status;
  out.headers.set("Content-Type", "application/json");
  out.headers.set("Cache-Control", "no-cache, private");
  return out;
}

tools::http_response json_response(const tools::http_request& request, int status, json&& body) {
  if (!request.takes_value) return json_response(request, status, std::as_const(body));
  auto out = json_header(status);
  out.value = shared_json(std::move(body));
  return out;
}

tools::http_response json_response(const tools::http_request& request, int status,
                                   const json& body) {
  auto out = json_header(status);
  if (request.takes_value) {
    out.value = shared_json(body);
    return out;
  }
  auto replace = json::error_handler_t::replace; // logs and environment may hold broken UTF-8
  if (wants_pretty(request)) {
    out.body = body.dump(2, ' ', false, replace);
    return out;
  }
  append_json(body, out.body);
  out.body += '\n';
  return out;
}

tools::http_response error_response(const tools::http_request& request, const api_error& error) {
  return json_response(request, error.code, error.status());
}

json presented(const api_call& call, const json& obj) {
  auto out = with_heartbeat(call.c, call.type.table(), face_of(call.type, obj));
  if (call.who.mask_injection) mask_object(call.who, out);
  return out;
}

tools::http_response object_response(const api_call& call, int status, const json& obj) {
  auto seen = presented(call, obj);
  auto shape = shape_of(call.request);
  if (shape.what == wanted_shape::form::partial) seen = partial_metadata(seen, shape.version);
  if (shape.what == wanted_shape::form::table) {
    auto version = text_at(seen, {"metadata", "resourceVersion"});
    seen = make_table(call.type, {seen}, call.c.now(), row_object_of(call.request), shape.version);
    seen["metadata"]["resourceVersion"] = version;
  }
  return json_response(call.request, status, std::move(seen));
}

void note_audit(const api_call& call, int status, object before, object after) {
  audit_entry e;
  e.at = call.c.now();
  e.user = call.who.user;
  e.verb = call.verb;
  e.resource = call.type.table();
  e.subresource = call.subresource;
  e.ns = call.ns;
  e.name = call.name;
  e.status = status;
  e.before = std::move(before);
  e.after = std::move(after);
  call.c.audit().push_back(std::move(e));
}

} // namespace remed::env

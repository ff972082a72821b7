// pods/proxy and services/proxy: a request on its way through the API server to an application.
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/app/http_service.hpp"

#include <algorithm>

namespace remed::env {

namespace {

constexpr duration patience = std::chrono::seconds{30};

/// "[scheme:]name[:port]" of the URL.
struct proxy_name {
  std::string scheme, name, port;
};

proxy_name parse_name(const std::string& text) {
  auto parts = split(text, ':');
  if (parts.size() == 3) return {parts[0], parts[1], parts[2]};
  if (parts.size() == 2) return {"", parts[0], parts[1]};
  return {"", text, ""};
}

api_error unavailable(const std::string& text) {
  return {503, "ServiceUnavailable", text, nullptr};
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 6 &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

/// Where the request goes: an endpoint of a service, or a pod.
struct proxy_target {
  object pod;
  std::string address;
  int port = 0;
};

maybe_error find_pod(const api_call& call, const proxy_name& wanted, proxy_target& out) {
  out.pod = call.c.objects().get("pods", {call.ns, wanted.name});
  if (!out.pod) return errors::not_found(call.type, wanted.name);
  out.address = text_at(*out.pod, {"status", "podIP"});
  if (out.address.empty()) return unavailable("address not allowed");
  if (!wanted.port.empty() && !is_number(wanted.port)) {
    return errors::bad_request("invalid pod request \"" + call.name + "\"");
  }
  if (!wanted.port.empty()) {
    out.port = std::stoi(wanted.port);
    return std::nullopt;
  }
  // Without a port: the first one that any container declares.
  for (const auto& container : at_path(*out.pod, {"spec", "containers"})) {
    for (const auto& p : at_path(container, {"ports"})) {
      if (out.port == 0) out.port = static_cast<int>(int_at(p, {"containerPort"}));
    }
  }
  if (out.port == 0) out.port = 80;
  return std::nullopt;
}

/// The service's port by name or number; an empty one is the only port or the one without a name.
const json* service_port(const json& service, const std::string& wanted) {
  const auto& ports = at_path(service, {"spec", "ports"});
  for (const auto& p : ports) {
    auto name = text_at(p, {"name"});
    bool hit = wanted.empty() ? ports.size() == 1 || name.empty()
                              : name == wanted || std::to_string(int_at(p, {"port"})) == wanted;
    if (hit) return &p;
  }
  return nullptr;
}

maybe_error find_endpoint(const api_call& call, const proxy_name& wanted, proxy_target& out) {
  auto service = call.c.objects().get("services", {call.ns, wanted.name});
  if (!service) return errors::not_found(call.type, wanted.name);
  const auto* port = service_port(*service, wanted.port);
  if (!port) {
    return unavailable("no service port " + go_quote(wanted.port) + " found for service " +
                       go_quote(wanted.name));
  }
  auto endpoints = call.c.objects().get("endpoints", {call.ns, wanted.name});
  auto none = unavailable("no endpoints available for service " + go_quote(wanted.name));
  if (!endpoints) return none;
  for (const auto& subset : at_path(*endpoints, {"subsets"})) {
    const auto& addresses = at_path(subset, {"addresses"});
    if (addresses.empty()) continue;
    for (const auto& p : at_path(subset, {"ports"})) {
      if (text_at(p, {"name"}) != text_at(*port, {"name"})) continue;
      const auto& chosen = addresses[call.c.random().below(addresses.size())];
      out.address = text_at(chosen, {"ip"});
      out.port = static_cast<int>(int_at(p, {"port"}));
      out.pod = call.c.objects().get("pods", {call.ns, text_at(chosen, {"targetRef", "name"})});
      return std::nullopt;
    }
  }
  return none;
}

tools::http_response response_of(const tools::http_request& request, const app_answer& answer) {
  using kind = request_outcome::kind;
  if (answer.what == kind::answered) return answer.response;
  auto why = answer.what == kind::refused
                 ? "dial tcp " + answer.address + ": connect: connection refused"
                 : "dial tcp " + answer.address + ": i/o timeout";
  return error_response(request, unavailable("error trying to reach service: " + why));
}

/// "/api/v1/namespaces/x/services/web:80/proxy/a/b" → "/a/b"; none when the last slash is missing.
std::optional<std::string> path_behind(const std::string& path) {
  auto at = path.find("/proxy");
  if (at == std::string::npos || at + 6 >= path.size()) return std::nullopt;
  return path.substr(at + 6);
}

} // namespace

tools::http_reply proxy_request(const api_call& call) {
  auto wanted = parse_name(call.name);
  proxy_target to;
  auto error =
      call.type.plural == "services" ? find_endpoint(call, wanted, to) : find_pod(call, wanted, to);
  if (error) return error_response(call.request, *error);
  auto path = path_behind(call.request.path);
  if (!path) {
    tools::http_response moved;
    moved.status = 301;
    moved.headers.set("Location", call.request.path + "/");
    return moved;
  }
  note_audit(call, 200);
  auto request = call.request;
  request.path = *path;
  auto answer = ask_app(call.c, nullptr, to.address, to.port, request, patience, "proxy");
  auto response = response_of(call.request, answer);
  if (!call.server.loop) return response;
  tools::deferred_reply later;
  later.start = [&server = call.server, alive = std::weak_ptr<const bool>(call.server.alive),
                 takes = answer.takes, response](std::function<void(tools::http_response)> send) {
    if (alive.expired()) return send(response);
    server.after(takes, [response, send] { send(response); });
  };
  return later;
}

} // namespace remed::env

// Dispatch: who asks, for what, with which verb.
#include "environments/embedded/api_server.hpp"

#include "environments/embedded/api/clock.hpp"
#include "environments/embedded/api/context.hpp"
#include "environments/embedded/api/discovery.hpp"
#include "environments/embedded/api/mask.hpp"
#include "environments/embedded/api/request_checks.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/api/utf8.hpp"
#include "environments/embedded/api/verbs.hpp"
#include "environments/embedded/api/watch.hpp"

#include <algorithm>

namespace remed::env {

namespace {

tools::http_response page_not_found() {
  tools::http_response out;
  out.status = 404;
  out.headers.set("Content-Type", "text/plain; charset=utf-8");
  out.body = "404 page not found\n";
  return out;
}

/// The parts of a resource's URL.
struct target {
  std::string group, version, ns, plural, name, subresource;
  bool watches = false; ///< the old form of a watch: /api/v1/watch/pods
};

std::optional<target> parse_target(const std::string& path) {
  auto parts = split(std::string_view(path).substr(1), '/');
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  target out;
  std::size_t at = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    out.version = parts[1];
    at = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    out.group = parts[1];
    out.version = parts[2];
    at = 3;
  } else {
    return std::nullopt;
  }
  if (parts[at] == "watch" && parts.size() > at + 1) {
    out.watches = true;
    ++at;
  }
  bool in_namespace =
      parts[at] == "namespaces" && parts.size() > at + 2 &&
      !(parts.size() == at + 3 && (parts[at + 2] == "status" || parts[at + 2] == "finalize"));
  if (in_namespace) {
    out.ns = parts[at + 1];
    at += 2;
  }
  out.plural = parts[at];
  if (parts.size() > at + 1) out.name = parts[at + 1];
  if (parts.size() > at + 2) out.subresource = parts[at + 2];
  if (parts.size() > at + 3 && out.subresource != "proxy") return std::nullopt;
  return out;
}

std::string verb_of(const tools::http_request& request, const target& t) {
  const auto& m = request.method;
  bool watches = t.watches || (request.query.has("watch") && request.query.flag("watch"));
  if (m == "GET" || m == "HEAD") return watches ? "watch" : t.name.empty() ? "list" : "get";
  if (m == "POST") return "create";
  if (m == "PUT") return "update";
  if (m == "PATCH") return "patch";
  if (m == "DELETE") return t.name.empty() ? "deletecollection" : "delete";
  return "";
}

resource_pointer type_of(const cluster& c, const target& t) {
  if (t.group != "metrics.k8s.io") return find_resource(c.objects(), t.group, t.version, t.plural);
  if (t.version != "v1beta1" || (t.plural != "pods" && t.plural != "nodes")) return {};
  auto out = std::make_shared<resource_type>();
  out->group = t.group;
  out->version = t.version;
  out->plural = t.plural;
  out->verbs = {"get", "list"};
  out->namespaced = t.plural == "pods";
  return out;
}

/// What is opened with GET over a WebSocket and with POST over SPDY: either right will do.
bool is_connection(const std::string& subresource) {
  return subresource == "exec" || subresource == "attach" || subresource == "portforward";
}

bool may(const api_call& call) {
  auto what = call.wanted();
  auto& rights = call.server.rights;
  if (rights.allow(call.c.objects(), call.who, what)) return true;
  if (!is_connection(call.subresource)) return false;
  what.verb = call.verb == "get" ? "create" : "get";
  return rights.allow(call.c.objects(), call.who, what);
}

tools::http_reply run_subresource(const api_call& call) {
  const auto& sub = call.subresource;
  if (sub == "status" || sub == "finalize" || sub == "ephemeralcontainers") {
    if (call.verb == "get") return get_object(call);
    if (call.verb == "patch") return patch_object(call);
    if (call.verb == "update") return update_object(call);
  }
  if (sub == "scale") {
    if (call.verb == "get") return get_scale(call);
    if (call.verb == "patch" || call.verb == "update") return write_scale(call);
  }
  if (sub == "log" && call.verb == "get") return read_log(call);
  if (is_connection(sub) && (call.verb == "get" || call.verb == "create")) {
    return sub == "portforward" ? open_portforward(call) : open_exec(call);
  }
  if (sub == "proxy") return proxy_request(call);
  if (sub == "eviction" && call.verb == "create") return evict_pod(call);
  if (sub == "token" && call.verb == "create") return issue_token(call);
  return error_response(call.request, errors::method_not_allowed());
}

bool is_review(const resource_type& type) {
  return type.group == "authorization.k8s.io" || type.group == "authentication.k8s.io";
}

bool writes(const std::string& verb) {
  return verb != "get" && verb != "list" && verb != "watch";
}

tools::http_reply run_verb(api_call& call) {
  if (writes(call.verb)) {
    if (auto error = check_write_options(call)) return error_response(call.request, *error);
  }
  if (!call.subresource.empty()) {
    if (!call.type.subresource(call.subresource)) {
      return error_response(
          call.request,
          {404, "NotFound", "the server could not find the requested resource", json::object()});
    }
    return run_subresource(call);
  }
  bool needs_name = call.verb == "update" || call.verb == "patch";
  if (!call.type.has_verb(call.verb) || (call.verb == "create" && !call.name.empty()) ||
      (needs_name && call.name.empty())) {
    return error_response(call.request, errors::method_not_allowed());
  }
  if (auto error = check_accept(call)) return error_response(call.request, *error);
  if (call.verb == "list" || call.verb == "watch") {
    if (auto error = check_list_options(call)) return error_response(call.request, *error);
  }
  if (is_review(call.type)) return answer_review(call);
  if (call.type.group == "metrics.k8s.io") return read_metrics(call);
  // All namespaces at once can be read, not written.
  if (call.type.namespaced && call.ns.empty() && call.verb != "list" && call.verb != "watch") {
    return error_response(call.request, errors::method_not_allowed());
  }
  if (call.verb == "get") return get_object(call);
  if (call.verb == "list") return list_objects(call);
  if (call.verb == "watch") return watch_objects(call);
  if (call.verb == "create") return create_object(call);
  if (call.verb == "update") return update_object(call);
  if (call.verb == "patch") return patch_object(call);
  if (call.verb == "delete") return delete_object(call);
  return delete_collection(call);
}

bool all_utf8(const tools::query_params& query) {
  return std::all_of(query.items().begin(), query.items().end(),
                     [](const auto& item) { return is_utf8(item.first) && is_utf8(item.second); });
}

tools::http_reply dispatch(api_server::state& s, const identity& who,
                           const tools::http_request& request) {
  if (!is_utf8(request.path) || !all_utf8(request.query))
    return error_response(request, errors::bad_request("invalid UTF-8 in the request's path"));
  if (request.path == clock_path) return answer_clock(s, who, request);
  if (auto found = discover(s.c, who, request)) return *found;
  auto t = parse_target(request.path);
  if (!t || hides_group(who, t->group)) return page_not_found();
  auto type = type_of(s.c, *t);
  if (!type) return page_not_found();
  auto verb = verb_of(request, *t);
  if (verb.empty()) return error_response(request, errors::method_not_allowed());
  api_call call{s, s.c, who, request, *type, verb, t->subresource, t->ns, t->name, type};
  if (call.type.plural == "namespaces" && call.type.group.empty()) call.ns = "";
  if (!may(call)) {
    note_audit(call, 403);
    auto what = call.wanted();
    return error_response(request,
                          errors::forbidden(call.type, call.name, forbidden_text(who, what)));
  }
  // What a CRD brought may be nobody's business but its owner's: looking at it is on record.
  if (call.type.custom && (verb == "get" || verb == "list" || verb == "watch")) {
    note_audit(call, 200);
  }
  return run_verb(call);
}

/// Collects what a stream writes, for callers that want one answer.
class collected_stream final : public tools::http_stream {
public:
  std::string body;
  void write(std::string chunk) override { body += chunk; }
  void end() override { closed_ = true; }
  std::size_t pending() const override { return 0; }
  bool closed() const override { return closed_; }
  void on_close(std::function<void()>) override {}

private:
  bool closed_ = false;
};

} // namespace

api_server::api_server(cluster& c) : state_(std::make_unique<state>(c)) {}

api_server::~api_server() {
  for (auto& s : state_->streams) s->close();
}

void api_server::add_identity(identity who) {
  state_->identities.push_back(std::make_shared<const identity>(std::move(who)));
}

void api_server::set_exec(exec_backend backend) {
  state_->exec = std::move(backend);
}

void api_server::set_loop(tools::io_loop* loop) {
  state_->loop = loop;
}

tools::http_reply api_server::handle(const tools::http_request& request) {
  auto token = request.bearer_token();
  const auto& all = state_->identities;
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const auto& i) { return !token.empty() && i->token == token; });
  if (found == all.end()) return error_response(request, errors::unauthorized());
  auto who = *found;
  if (auto error = impersonate(state_->c.objects(), request, who))
    return error_response(request, *error);
  const auto revision = state_->c.objects().revision();
  auto reply = dispatch(*state_, *who, request);
  // Thousands of watches need not be asked after each read.
  if (state_->c.objects().revision() != revision || request.path == clock_path) pump();
  return reply;
}

tools::http_response api_server::call(const identity& who, tools::http_request request) {
  auto reply = dispatch(*state_, who, request);
  if (auto* plain = std::get_if<tools::http_response>(&reply)) {
    pump();
    return std::move(*plain);
  }
  auto* stream = std::get_if<tools::stream_reply>(&reply);
  if (!stream) {
    return error_response(request,
                          errors::bad_request("this request needs a connection of its own"));
  }
  auto sink = std::make_shared<collected_stream>();
  stream->start(sink);
  sink->end();
  tools::http_response out;
  out.status = stream->status;
  out.headers = stream->headers;
  out.body = std::move(sink->body);
  pump();
  return out;
}

/// A thousand readers that are each a little late hold as much as one that is very late.
static void drop_slowest(std::vector<std::shared_ptr<live_stream>>& streams) {
  std::size_t behind = 0;
  for (const auto& s : streams) behind += s->pending();
  while (behind > total_backlog_limit) {
    auto slowest =
        std::max_element(streams.begin(), streams.end(),
                         [](const auto& a, const auto& b) { return a->pending() < b->pending(); });
    behind -= (*slowest)->pending();
    (*slowest)->close();
    streams.erase(slowest);
  }
}

void api_server::pump() {
  // A stream's peer may react by dropping its connection, never by adding a stream.
  auto streams = std::move(state_->streams);
  state_->streams.clear();
  for (auto& s : streams) {
    if (s->pump(state_->c)) state_->streams.push_back(std::move(s));
  }
  drop_slowest(state_->streams);
}

} // namespace remed::env

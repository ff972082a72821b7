// pods/exec and pods/attach: what is asked for, and whether it can be done.
#include "environments/embedded/api/exec_status.hpp"
#include "environments/embedded/api/exec_streams.hpp"
#include "environments/embedded/api/prepare.hpp"
#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/app_log.hpp"
#include "environments/embedded/node/state.hpp"

namespace remed::env {

namespace {

bool has_container(const json& pod, const std::string& name) {
  for (auto* list : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const auto& c : at_path(pod, {"spec", list})) {
      if (text_at(c, {"name"}) == name) return true;
    }
  }
  return false;
}

maybe_error read_request(const api_call& call, exec_request& out) {
  auto pod = call.c.objects().get("pods", call.key());
  if (!pod) return errors::not_found(call.type, call.name);
  const auto& query = call.request.query;
  out.ns = call.ns;
  out.pod = call.name;
  out.attach = call.subresource == "attach";
  out.container = query.get("container");
  out.argv = query.all("command");
  out.tty = query.has("tty") && query.flag("tty");
  out.input = query.has("stdin") && query.flag("stdin");
  auto phase = text_at(*pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") {
    return errors::bad_request(
        "cannot exec into a container in a completed pod; current phase is " + phase);
  }
  const auto& containers = at_path(*pod, {"spec", "containers"});
  if (out.container.empty()) {
    out.container =
        text_at(*pod, {"metadata", "annotations", "kubectl.kubernetes.io/default-container"});
  }
  if (out.container.empty() && !containers.empty())
    out.container = text_at(containers[0], {"name"});
  if (!has_container(*pod, out.container)) {
    return errors::bad_request("container " + out.container + " is not valid for pod " + call.name);
  }
  if (out.argv.empty() && !out.attach)
    return errors::bad_request("you must specify at least one command for the container");
  if (text_at(*pod, {"spec", "nodeName"}).empty()) {
    return errors::bad_request("pod " + call.name + " does not have a host assigned");
  }
  return std::nullopt;
}

/// What a container says from now on, for who is attached to it.
class log_listener final : public live_stream {
public:
  log_listener(const exec_request& request, std::shared_ptr<exec_session> session,
               const container_runtime& runs)
      : request_(request), session_(session), instance_(runs.instance), seen_(runs.log_count) {}

  bool pump(cluster& c) override {
    auto session = session_.lock();
    if (!session) return false;
    if (const auto* known = c.node().find(request_.ns, request_.pod)) {
      bring_log_up_to_date(c, known->uid, request_.container);
    }
    const auto* rt = c.node().find(request_.ns, request_.pod);
    const auto* runs = rt ? rt->find(request_.container) : nullptr;
    if (!runs || runs->instance != instance_) return finish(*session, 0);
    auto fresh = std::min<std::uint64_t>(runs->log_count - seen_, runs->log.size());
    for (auto i = runs->log.size() - fresh; i < runs->log.size(); ++i) {
      const auto& line = runs->log[i];
      const auto& sink = line.is_error ? session->on_err : session->on_out;
      if (sink) sink(line.text + "\n");
    }
    seen_ = runs->log_count;
    return runs->running() || finish(*session, runs->ended ? runs->ended->exit_code : 0);
  }
  void close() override {
    if (auto session = session_.lock()) finish(*session, 0);
  }

private:
  /// The end of an attached container is success whatever its code: the client reads that from the
  /// pod's status.
  bool finish(exec_session& session, int) {
    if (session.done) session.done(0, "");
    return false;
  }

  exec_request request_;
  std::weak_ptr<exec_session> session_;
  std::uint64_t instance_, seen_;
};

void run(api_server::state& server, const exec_request& request,
         std::shared_ptr<exec_session> session) {
  if (!request.attach) return server.exec(server.c, request, std::move(session));
  const auto* rt = server.c.node().find(request.ns, request.pod);
  const auto* runs = rt ? rt->find(request.container) : nullptr;
  if (!runs || !runs->running()) {
    if (session->done) session->done(126, "container " + request.container + " not found in pod");
    return;
  }
  if (runs->interactive) return server.exec(server.c, request, std::move(session));
  auto listener = std::make_shared<log_listener>(request, session, *runs);
  // Input to a program that does not read it goes nowhere; the socket keeps the session.
  session->write = [](const std::string&) {};
  session->close_input = [] {};
  server.streams.push_back(listener);
}

} // namespace

tools::http_reply open_exec(const api_call& call) {
  exec_plan plan;
  if (auto error = read_request(call, plan.request)) return error_response(call.request, *error);
  bool spdy = wants_spdy(call.request);
  if (!spdy && !call.request.is_websocket_upgrade()) {
    return error_response(call.request, errors::bad_request("Upgrade request required"));
  }
  auto protocol =
      spdy ? std::string(exec_protocol_v4)
           : chosen_subprotocol(call.request, {exec_protocol_v5, exec_protocol_v4,
                                               exec_protocol_base64, exec_protocol_plain});
  if (protocol == "unknown" || (spdy && !offers_stream_protocol(call.request, protocol))) {
    tools::http_response refused;
    refused.status = 403;
    return refused;
  }
  if (!call.server.exec) {
    return error_response(call.request, {501, "NotImplemented",
                                         "this cluster was started without a pod shell", nullptr});
  }
  json asked = {{"container", plan.request.container}, {"command", plan.request.argv}};
  note_audit(call, 101, {}, std::make_shared<const json>(std::move(asked)));
  auto wants = [&](const char* name) {
    return !call.request.query.has(name) || call.request.query.flag(name);
  };
  plan.out = wants("stdout");
  plan.err = wants("stderr");
  std::weak_ptr<const bool> alive = call.server.alive;
  plan.start = [request = plan.request, alive,
                &server = call.server](std::shared_ptr<exec_session> session) {
    if (alive.expired()) return session->done(137, "");
    run(server, request, std::move(session));
  };
  return spdy ? exec_over_spdy(std::move(plan)) : exec_over_websocket(std::move(plan), protocol);
}

} // namespace remed::env

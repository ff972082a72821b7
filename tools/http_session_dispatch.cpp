// From a parsed request to the handler and back.
#include "tools/http_session.hpp"

#include <algorithm>

namespace remed::tools {

namespace {

/// The target without the scheme and authority a proxy-style request has.
std::string_view origin_form(std::string_view target) {
  auto scheme = target.find("://");
  if (target.empty() || target.front() == '/' || scheme == std::string_view::npos) return target;
  auto slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view{"/"} : target.substr(slash);
}

/// Answers 500 when a handler drops the function it was given without calling it.
class reply_once {
public:
  reply_once(std::weak_ptr<http_session> session, std::uint64_t request)
      : session_(std::move(session)), request_(request) {}
  ~reply_once() {
    http_response response;
    response.status = 500;
    response.body = "the handler dropped this request\n";
    send(std::move(response));
  }
  reply_once(const reply_once&) = delete;
  reply_once& operator=(const reply_once&) = delete;

  void send(http_response response) {
    auto session = std::exchange(session_, {}).lock();
    if (session) session->deferred_respond(request_, std::move(response));
  }

private:
  std::weak_ptr<http_session> session_;
  std::uint64_t request_;
};

} // namespace

std::optional<http_request> http_session::take_request() {
  auto& message = parser_->get();
  std::string_view target{message.target().data(), message.target().size()};
  target = origin_form(target);
  if (target.empty() || (target.front() != '/' && target != "*")) return std::nullopt;
  http_request out;
  out.method.assign(message.method_string().data(), message.method_string().size());
  out.target = target;
  auto question = target.find('?');
  out.path = percent_decode(target.substr(0, question));
  if (question != std::string_view::npos)
    out.query = query_params::parse(target.substr(question + 1));
  for (const auto& field : message)
    out.headers.add({field.name_string().data(), field.name_string().size()},
                    {field.value().data(), field.value().size()});
  out.body = std::move(message.body());
  out.peer = peer_;
  return out;
}

http_reply http_session::call_handler(const http_request& request) {
  auto server = server_.lock();
  http_response broken;
  broken.status = 500;
  if (!server || server->closed) return broken;
  try {
    return server->handler(request);
  } catch (const std::exception& e) {
    broken.body = std::string("the handler failed: ") + e.what() + '\n';
  }
  return broken;
}

void http_session::dispatch() {
  ++request_;
  keep_alive_ = parser_->keep_alive();
  head_only_ = parser_->get().method() == http::verb::head;
  if (!http10_ && parser_->get().count(http::field::host) != 1)
    return respond_and_close(400, "an HTTP/1.1 request needs exactly one Host field");
  auto request = take_request();
  if (!request) return respond_and_close(400, "the request target must begin with '/'");
  set_phase(phase::answering, false);
  auto self = shared_from_this(); // the handler may close the server
  auto reply = call_handler(*request);
  if (phase_ == phase::closed) return;
  if (auto* response = std::get_if<http_response>(&reply)) return respond(std::move(*response));
  if (auto* stream = std::get_if<stream_reply>(&reply)) return start_stream(std::move(*stream));
  if (auto* later = std::get_if<deferred_reply>(&reply)) return start_deferred(std::move(*later));
  if (auto* upgrade = std::get_if<upgrade_reply>(&reply)) return start_upgrade(std::move(*upgrade));
  if (!request->is_websocket_upgrade())
    return respond_and_close(400, "this address speaks WebSocket: send an upgrade request");
  start_websocket(std::get<websocket_reply>(std::move(reply)));
}

void http_session::start_deferred(deferred_reply reply) {
  auto once = std::make_shared<reply_once>(weak_from_this(), request_);
  watch_peer();
  if (reply.start) reply.start([once](http_response response) { once->send(std::move(response)); });
}

void http_session::deferred_respond(std::uint64_t n, http_response response) {
  if (n != request_ || phase_ != phase::answering || streaming_) return;
  respond(std::move(response));
}

std::optional<wire> http_session::leave_http() {
  auto server = server_.lock();
  if (!server) {
    close(false);
    return std::nullopt;
  }
  if (buffer_.size() > 0) {
    respond_and_close(400, "nothing may follow an upgrade request before its answer");
    return std::nullopt;
  }
  auto stream = std::move(wire_);
  phase_ = phase::closed; // the caller keeps this object alive until it returns
  loop_.kept.erase(this);
  server->leave(this);
  return stream;
}

void http_session::start_websocket(websocket_reply reply) {
  auto server = server_.lock();
  auto stream = leave_http();
  if (!stream) return;
  serve_websocket(std::move(*stream), parser_->release(), std::move(reply), *server);
}

void http_session::start_upgrade(upgrade_reply reply) {
  auto server = server_.lock();
  auto stream = leave_http();
  if (!stream) return;
  auto head = upgrade_head(reply.headers);
  serve_upgraded(std::move(*stream), std::move(head), std::move(reply), *server);
}

} // namespace remed::tools

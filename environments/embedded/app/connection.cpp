#include "environments/embedded/app/connection.hpp"

#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

constexpr duration patience = std::chrono::seconds{60};

/// As containerd's CRI plugin words it.
failure refused(const std::string& sandbox, int port) {
  auto at = std::to_string(port);
  auto netns = "/var/run/netns/cni-" + sandbox.substr(0, 8) + "-" + sandbox.substr(9, 4) + "-" +
               sandbox.substr(14, 4) + "-" + sandbox.substr(19, 4) + "-" + sandbox.substr(24, 12);
  return {errc::refused, "failed to execute portforward in network namespace \"" + netns +
                             "\": failed to connect to localhost:" + at + " inside namespace \"" +
                             sandbox + "\", IPv4: dial tcp4 127.0.0.1:" + at +
                             ": connect: connection refused IPv6 dial tcp6 [::1]:" + at +
                             ": connect: connection refused "};
}

} // namespace

result<std::shared_ptr<app_connection>> app_connection::open(cluster& c, tools::io_loop* loop,
                                                             const std::string& ns,
                                                             const std::string& pod, int port,
                                                             listener to) {
  auto found = c.objects().get("pods", {ns, pod});
  if (!found) return failure{errc::refused, "pod not found (\"" + pod + "_" + ns + "\")"};
  if (!app_listens(c, *found, port)) {
    auto uid = text_at(*found, {"metadata", "uid"});
    uid.resize(36, '0');
    return refused(uid, port);
  }
  std::shared_ptr<app_connection> out(new app_connection(c, loop, std::move(to)));
  out->ns_ = ns;
  out->pod_ = pod;
  out->port_ = port;
  return out;
}

void app_connection::receive(std::string_view bytes) {
  if (closed_ || !is_http_) return;
  auto requests = reader_.receive(bytes);
  if (!requests) {
    is_http_ = served_ > 0;
    if (is_http_) close();
    return;
  }
  for (auto& request : *requests) waiting_.push_back(std::move(request));
  if (waiting_.size() > most_waiting) return close();
  serve_next();
}

void app_connection::end_input() {
  input_ended_ = true;
  if (!busy_ && waiting_.empty()) close();
}

void app_connection::serve_next() {
  if (busy_ || closed_ || waiting_.empty()) return;
  busy_ = true;
  auto request = std::move(waiting_.front());
  waiting_.pop_front();
  auto pod = cluster_.objects().get("pods", {ns_, pod_});
  if (!pod) return close();
  auto answer = ask_app(cluster_, &*pod, "127.0.0.1", port_, request, patience,
                        "forward" + std::to_string(served_++));
  if (!loop_) return answered(request, answer);
  wait_ = std::make_unique<virtual_wait>(cluster_, *loop_);
  wait_->until(answer.takes, [weak = weak_from_this(), request, answer] {
    if (auto self = weak.lock()) self->answered(request, answer);
  });
}

void app_connection::answered(const tools::http_request& request, const app_answer& answer) {
  busy_ = false;
  if (answer.what != request_outcome::kind::answered) return close();
  bool keep = request.headers.get("Connection") != "close";
  to_.out(tools::http_text(answer.response, keep, request.method == "HEAD"));
  if (!keep || (input_ended_ && waiting_.empty())) return close();
  serve_next();
}

void app_connection::close() {
  if (std::exchange(closed_, true)) return;
  waiting_.clear();
  if (to_.closed) to_.closed();
}

} // namespace remed::env

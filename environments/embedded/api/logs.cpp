// pods/log: the whole text, or a stream that follows it.
#include "environments/embedded/node/logs.hpp"

#include "environments/embedded/api/subresources.hpp"
#include "environments/embedded/api/text.hpp"

namespace remed::env {

namespace {

std::optional<long> number(const tools::query_params& query, const char* name) {
  if (!query.has(name)) return std::nullopt;
  return std::strtol(query.get(name).c_str(), nullptr, 10);
}

log_options options_of(const tools::query_params& query) {
  log_options out;
  out.tail_lines = number(query, "tailLines");
  out.since_seconds = number(query, "sinceSeconds");
  out.since_time = parse_time(query.get("sinceTime"));
  out.limit_bytes = number(query, "limitBytes");
  out.timestamps = query.flag("timestamps") && query.has("timestamps");
  out.previous = query.flag("previous") && query.has("previous");
  return out;
}

/// What `now` has beyond `before`, when old lines may have been dropped from its front; none when
/// the two have nothing in common.
std::optional<std::string> beyond(std::string_view before, std::string_view now) {
  while (!before.empty()) {
    if (now.substr(0, before.size()) == before) return std::string(now.substr(before.size()));
    auto end = before.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    before.remove_prefix(end + 1);
  }
  return std::nullopt;
}

class log_follower final : public live_stream {
public:
  log_follower(const api_call& call, log_options options)
      : ns_(call.ns),
        pod_(call.name),
        container_(call.request.query.get("container")),
        timestamps_(options.timestamps) {}

  void start(cluster& c, std::shared_ptr<tools::http_stream> out, const std::string& first) {
    out_ = std::move(out);
    if (!first.empty()) out_->write(first);
    if (auto all = whole(c)) seen_ = *all;
  }

  bool pump(cluster& c) override {
    if (!out_ || out_->closed()) return false;
    auto all = whole(c);
    if (!all) return finish();
    auto more = seen_.empty() ? std::optional<std::string>(*all) : beyond(seen_, *all);
    if (!more) return finish(); // another instance of the container speaks now
    if (!more->empty()) out_->write(*more);
    seen_ = std::move(*all);
    return out_->pending() < (16u << 20) ? true : finish();
  }

  void close() override {
    if (out_) finish();
  }

private:
  result<std::string> whole(cluster& c) const {
    log_options all;
    all.timestamps = timestamps_;
    return container_log(c, ns_, pod_, container_, all);
  }
  bool finish() {
    out_->end();
    out_.reset();
    return false;
  }

  std::string ns_, pod_, container_;
  bool timestamps_;
  std::shared_ptr<tools::http_stream> out_;
  std::string seen_;
};

} // namespace

tools::http_reply read_log(const api_call& call) {
  if (!call.c.objects().get("pods", call.key())) {
    return error_response(call.request, errors::not_found(call.type, call.name));
  }
  auto options = options_of(call.request.query);
  auto text =
      container_log(call.c, call.ns, call.name, call.request.query.get("container"), options);
  if (!text) {
    if (text.why().code == errc::failed) {
      return error_response(call.request, errors::not_found(call.type, call.name));
    }
    return error_response(call.request, errors::bad_request(text.why().what));
  }
  bool follows = call.request.query.has("follow") && call.request.query.flag("follow");
  if (!follows || options.previous) {
    tools::http_response out;
    out.headers.set("Content-Type", "text/plain");
    out.body = std::move(*text);
    return out;
  }
  auto follower = std::make_shared<log_follower>(call, options);
  tools::stream_reply reply;
  reply.headers.set("Content-Type", "text/plain");
  std::weak_ptr<const bool> alive = call.server.alive;
  reply.start = [follower, first = std::move(*text), alive,
                 &server = call.server](std::shared_ptr<tools::http_stream> out) {
    if (alive.expired()) return out->end();
    follower->start(server.c, std::move(out), first);
    server.streams.push_back(follower);
  };
  return reply;
}

} // namespace remed::env

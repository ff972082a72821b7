#include "tools/models/openai.hpp"

#include "tools/http_client.hpp"
#include "tools/models/openai_reply.hpp"
#include "tools/models/openai_request.hpp"
#include "tools/models/sse.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace remed::tools {

namespace {

using std::chrono::milliseconds;

/// A field with a non-negative number, in units of `unit_ms` milliseconds.
std::optional<milliseconds> wait_field(const http_headers& headers, const char* name,
                                       double unit_ms) {
  std::string text(headers.get(name));
  char* end = nullptr;
  auto value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value) || value < 0) return std::nullopt;
  return milliseconds{static_cast<std::int64_t>(std::min(value * unit_ms, 1e12))};
}

/// What the server itself asks for.
std::optional<milliseconds> asked_wait(const http_headers& headers) {
  auto exact = wait_field(headers, "retry-after-ms", 1);
  return exact ? exact : wait_field(headers, "retry-after", 1000);
}

bool may_pass(int status, const http_headers& headers) {
  if (headers.get("x-should-retry") == "true") return true;
  if (headers.get("x-should-retry") == "false") return false;
  return status == 408 || status == 409 || status == 429 || status >= 500;
}

errc code_of(int status) {
  if (status == 408) return errc::timed_out;
  return status == 409 || status == 429 || status >= 500 ? errc::unreachable : errc::refused;
}

/// What calls of one instance share: the options with what was learnt about the server.
struct shared_options {
  io_loop& loop;
  openai_options options;
  conversation_text said = {};
};

/// One request with all its attempts. Its callbacks hold it weakly; the caller's handle owns it.
class completion : public std::enable_shared_from_this<completion> {
public:
  completion(std::shared_ptr<shared_options> shared, model_request request,
             std::function<void(result<model_reply>)> done)
      : shared_(std::move(shared)), request_(std::move(request)), done_(std::move(done)) {}

  void attempt();

private:
  void take_piece(std::string_view piece);
  void watch_progress();
  void answered(result<http_response> response);
  void rejected(const http_response& response);
  void accepted(const http_response& response);
  void took(result<model_reply> reply);
  void retry_or_fail(failure why, std::optional<milliseconds> asked);
  void finish(result<model_reply> outcome);
  const openai_options& options() const { return shared_->options; }

  std::shared_ptr<shared_options> shared_;
  model_request request_;
  std::function<void(result<model_reply>)> done_;
  int attempts_ = 0, retried_ = 0;
  openai_dialect sent_; ///< how the attempt under way asks
  std::optional<openai_stream> stream_;
  std::optional<sse_parser> events_;
  std::string unstreamed_;
  http_call_handle call_;
  std::shared_ptr<void> waiting_, progress_;
};

void completion::attempt() {
  ++attempts_;
  sent_ = options().dialect;
  http_call call;
  call.method = "POST";
  auto base = options().base_url;
  while (!base.empty() && base.back() == '/') base.pop_back();
  call.url = base + "/chat/completions";
  call.headers.set("Content-Type", "application/json");
  if (!options().api_key.empty()) call.headers.set("Authorization", "Bearer " + options().api_key);
  call.body = openai_request_body(request_, options(), shared_->said);
  call.connect_limit = options().connect_limit;
  call.idle_limit = options().idle_limit;
  call.total_limit = options().total_limit;
  call.ca_pem = options().ca_pem;
  auto weak = weak_from_this();
  if (options().stream) {
    call.headers.set("Accept", "text/event-stream");
    // A partial answer of an earlier attempt is thrown away: nothing of it was shown to anybody.
    stream_.emplace();
    unstreamed_.clear();
    events_.emplace([this](const sse_event& event) {
      watch_progress();
      stream_->take(event.data);
    });
    call.on_data = [weak](std::string_view piece) {
      if (auto self = weak.lock()) self->take_piece(piece);
    };
    watch_progress();
  }
  call_ = http_send(shared_->loop, std::move(call), [weak](result<http_response> response) {
    if (auto self = weak.lock()) self->answered(std::move(response));
  });
}

void completion::take_piece(std::string_view piece) {
  if (!stream_->started() && unstreamed_.size() < (4u << 20)) unstreamed_ += piece;
  events_->feed(piece);
}

void completion::watch_progress() {
  // Comments that only keep the connection alive are no progress; the socket's limit counts them.
  progress_ = shared_->loop.after(options().idle_limit, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->call_.reset();
    self->retry_or_fail(
        {errc::timed_out, "the model sent nothing new for " +
                              std::to_string(self->options().idle_limit.count()) + " ms"},
        std::nullopt);
  });
}

void completion::answered(result<http_response> response) {
  progress_.reset();
  if (!response) {
    const auto& why = response.why();
    if (why.code == errc::bad_input) return finish(why);
    return retry_or_fail(why, std::nullopt);
  }
  if (response->status != 200) return rejected(*response);
  accepted(*response);
}

void completion::accepted(const http_response& response) {
  if (stream_ && stream_->error())
    return retry_or_fail({errc::unreachable, "the model's server failed while answering: " +
                                                 stream_->error()->message},
                         std::nullopt);
  if (stream_ && stream_->started()) return took(stream_->end(options().price));
  // A server may ignore `stream`, and some put errors into a success.
  const auto& body = stream_ ? unstreamed_ : response.body;
  auto document = json::parse(body, nullptr, false);
  if (document.is_object() && document.contains("error") && !document.contains("choices")) {
    auto failed = response;
    failed.body = body;
    auto code = std::atoi(read_openai_error(document).code.c_str());
    failed.status = code >= 400 && code < 600 ? code : 500;
    return rejected(failed);
  }
  if (stream_ && body.find('{') == std::string::npos)
    return retry_or_fail({errc::unreachable, "the model's stream ended without an answer"},
                         std::nullopt);
  took(read_openai_reply(document, body, options().price));
}

void completion::took(result<model_reply> reply) {
  if (!reply && reply.why().code == errc::unreachable)
    return retry_or_fail(reply.why(), std::nullopt);
  if (!reply) return finish(reply.why());
  reply->attempts = attempts_;
  if (request_.tool_choice == model_request::choice::required && !sent_.forced_tools)
    reply->rung = "auto";
  finish(std::move(reply));
}

void completion::rejected(const http_response& response) {
  const auto status = response.status;
  auto error = parse_openai_error(response.body);
  const bool wrong_request = status == 400 || status == 422;
  if (wrong_request && step_down(shared_->options.dialect, sent_, error, request_))
    return attempt();
  failure why{code_of(status),
              "the model's server answered " + std::to_string(status) + ": " + error.message};
  if (is_out_of_quota(error) || status == 402) {
    why.code = errc::refused;
    return finish(why);
  }
  if (!may_pass(status, response.headers)) return finish(why);
  retry_or_fail(std::move(why), asked_wait(response.headers));
}

void completion::retry_or_fail(failure why, std::optional<milliseconds> asked) {
  progress_.reset();
  const bool too_long = asked && *asked > options().server_wait_most;
  if (retried_ >= options().retries || too_long) {
    if (too_long)
      why.what += " (asked to wait " + std::to_string(asked->count() / 1000) + " s)";
    else if (attempts_ > 1)
      why.what += " (after " + std::to_string(attempts_) + " attempts)";
    return finish(std::move(why));
  }
  auto wait = std::min(options().retry_wait_most.count(), options().retry_wait.count()
                                                              << std::min(retried_, 20));
  auto shortened = static_cast<double>(wait) * (1 - 0.25 * shared_->options.jitter.unit());
  auto delay = asked.value_or(milliseconds{static_cast<std::int64_t>(shortened)});
  ++retried_;
  waiting_ = shared_->loop.after(delay, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->attempt();
  });
}

void completion::finish(result<model_reply> outcome) {
  progress_.reset();
  if (!outcome) outcome = std::move(outcome).in("model " + options().model);
  if (auto done = std::exchange(done_, {})) done(std::move(outcome));
}

class openai_model : public model {
public:
  openai_model(io_loop& loop, openai_options options)
      : shared_(std::make_shared<shared_options>(shared_options{loop, std::move(options)})) {}

  std::string name() const override { return shared_->options.model; }
  std::shared_ptr<void> complete(model_request request,
                                 std::function<void(result<model_reply>)> done) override {
    auto made = std::make_shared<completion>(shared_, std::move(request), std::move(done));
    made->attempt();
    return made;
  }

private:
  std::shared_ptr<shared_options> shared_;
};

} // namespace

std::unique_ptr<model> make_openai_model(io_loop& loop, openai_options options) {
  return std::make_unique<openai_model>(loop, std::move(options));
}

} // namespace remed::tools

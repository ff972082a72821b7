#include "tests/support/model_double.hpp"

#include <stdexcept>

namespace remed::test {

using tools::http_reply;
using tools::http_response;

namespace {

http_response json_response(int status, const json& body) {
  http_response out;
  out.status = status;
  out.headers.set("Content-Type", "application/json");
  out.headers.set("x-request-id", "req_double");
  out.body = body.dump();
  return out;
}

json error_body(const std::string& message, const std::string& type, const json& code) {
  auto error = json::object();
  error["message"] = message;
  error["type"] = type;
  error["param"] = nullptr;
  error["code"] = code;
  auto out = json::object();
  out["error"] = std::move(error);
  return out;
}

std::int64_t output_tokens(const double_answer& a) {
  auto n = count_tokens(a.text);
  for (const auto& call : a.tool_calls) n += count_tokens(call.name) + count_tokens(call.arguments);
  return n;
}

/// About as many as its JSON text has, beside the names; four of them are about a token.
std::size_t bytes_of(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size() + 4;
  std::size_t sum = 0;
  if (value.is_structured())
    for (const auto& inner : value) sum += bytes_of(inner);
  return sum;
}

json usage(const double_answer& a, std::size_t prompt_bytes) {
  auto out = json::object();
  auto in = static_cast<std::int64_t>((prompt_bytes + 3) / 4);
  out["prompt_tokens"] = in;
  out["completion_tokens"] = output_tokens(a);
  out["total_tokens"] = in + output_tokens(a);
  out["prompt_tokens_details"] = {{"cached_tokens", in / 2}};
  out["completion_tokens_details"] = {{"reasoning_tokens", 1}};
  return out;
}

json usage(const double_answer& a, const json& request) {
  return usage(a, bytes_of(request["messages"]));
}

/// A real model stops in the middle when its tokens are used up.
double_answer limited(double_answer a, const json& request) {
  auto limit =
      request.value("max_completion_tokens", request.value("max_tokens", std::int64_t{1} << 40));
  if (output_tokens(a) > limit) {
    a.text.resize(std::min<std::size_t>(a.text.size(), static_cast<std::size_t>(limit) * 4));
    if (!a.tool_calls.empty()) {
      auto& arguments = a.tool_calls.back().arguments;
      arguments.resize(arguments.size() / 2);
    }
    a.finish_reason = "length";
  }
  if (a.finish_reason.empty()) a.finish_reason = a.tool_calls.empty() ? "stop" : "tool_calls";
  return a;
}

std::string event(const json& chunk) {
  return "data: " + chunk.dump() + "\n\n";
}

} // namespace

model_double::model_double(tools::io_loop& loop, decider decide, options o)
    : loop_(loop), decide_(std::move(decide)), options_(std::move(o)) {
  tools::http_server_options server_options;
  server_options.tls = options_.tls;
  server_options.max_connections = options_.max_connections;
  auto handler = [this](const tools::http_request& r) { return handle(r); };
  server_ = std::make_unique<tools::http_server>(loop, handler, server_options);
  auto port = server_->listen();
  if (!port) throw std::runtime_error(port.why().what);
  port_ = *port;
}

std::string model_double::base_url() const {
  return (options_.tls ? "https" : "http") + std::string("://127.0.0.1:") + std::to_string(port_) +
         "/v1";
}

http_reply model_double::handle(const tools::http_request& r) {
  if (r.path != "/v1/chat/completions")
    return json_response(404, error_body("Invalid URL (" + r.method + ' ' + r.path + ")",
                                         "invalid_request_error", nullptr));
  if (r.method != "POST")
    return json_response(405, error_body("Not allowed to " + r.method, "invalid_request_error",
                                         "method_not_supported"));
  if (r.bearer_token() != options_.api_key)
    return json_response(
        401, error_body("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"));
  if (r.headers.get("Content-Type").find("application/json") == std::string_view::npos)
    return json_response(415,
                         error_body("Unsupported content type", "invalid_request_error", nullptr));
  if (at_a_glance) {
    if (auto said = at_a_glance(r.body)) {
      ++answered_;
      said->finish_reason = said->tool_calls.empty() ? "stop" : "tool_calls";
      return after_thinking(json_response(200, document(*said, usage(*said, r.body.size()))),
                            said->delay);
    }
  }
  auto request = json::parse(r.body, nullptr, false);
  if (options_.keeps_requests) seen_.push_back(request);
  auto planned = script.find(++requests_);
  if (planned != script.end()) return trouble(planned->second, request);
  if (auto error = find_request_error(request, options_)) return json_response(400, *error);
  return answer(request);
}

json model_double::document(const double_answer& a, json usage) const {
  auto message = json::object();
  message["role"] = "assistant";
  message["content"] = a.text.empty() && !a.tool_calls.empty() ? json(nullptr) : json(a.text);
  for (const auto& call : a.tool_calls) {
    auto one = json::object();
    one["id"] = call.id;
    one["type"] = "function";
    one["function"] = {{"name", call.name}, {"arguments", call.arguments}};
    message["tool_calls"].push_back(std::move(one));
  }
  auto choice = json::object();
  choice["index"] = 0;
  choice["message"] = std::move(message);
  choice["finish_reason"] = a.finish_reason;
  auto out = json::object();
  out["id"] = "chatcmpl-double";
  out["object"] = "chat.completion";
  out["model"] = options_.model;
  out["choices"] = json::array({std::move(choice)});
  out["usage"] = std::move(usage);
  return out;
}

std::string model_double::stream_text(const double_answer& a, const json& request) const {
  auto chunk = [&](json delta, const json& finish) {
    auto choice = json::object();
    choice["index"] = 0;
    choice["delta"] = std::move(delta);
    choice["finish_reason"] = finish;
    auto out = json::object();
    out["id"] = "chatcmpl-double";
    out["object"] = "chat.completion.chunk";
    out["model"] = options_.model;
    out["choices"] = json::array({std::move(choice)});
    return out;
  };
  std::string out = event(chunk({{"role", "assistant"}, {"content", ""}}, nullptr));
  out += ": keep-alive\n\n";
  if (!a.text.empty()) out += event(chunk({{"content", a.text}}, nullptr));
  for (std::size_t i = 0; i < a.tool_calls.size(); ++i) {
    const auto& call = a.tool_calls[i];
    // Only the first piece of a call has its id and name; the arguments come in two more.
    auto piece = [&](json one) {
      one["index"] = i;
      auto delta = json::object();
      delta["tool_calls"] = json::array({std::move(one)});
      out += event(chunk(std::move(delta), nullptr));
    };
    auto half = call.arguments.size() / 2;
    while (half > 0 && (static_cast<unsigned char>(call.arguments[half]) & 0xc0) == 0x80) --half;
    piece({{"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", ""}}}});
    piece({{"function", {{"arguments", call.arguments.substr(0, half)}}}});
    piece({{"function", {{"arguments", call.arguments.substr(half)}}}});
  }
  out += event(chunk(json::object(), a.finish_reason));
  if (request.contains("stream_options")) {
    auto last = chunk(json::object(), nullptr);
    last["choices"] = json::array();
    last["usage"] = usage(a, request);
    out += event(last);
  }
  return out + "data: [DONE]\n\n";
}

http_reply model_double::stream(std::string text, double_trouble::kind end, bool troubled) {
  tools::stream_reply out;
  out.headers.set("Content-Type", "text/event-stream");
  out.start = [this, text = std::move(text), end, troubled](std::shared_ptr<tools::http_stream> s) {
    auto piece = options_.piece_bytes;
    for (std::size_t at = 0; at < text.size(); at += piece) s->write(text.substr(at, piece));
    if (!troubled || end == double_trouble::kind::no_done) return s->end();
    open_.push_back(s);
    if (end != double_trouble::kind::reset) return;
    // Closing the server is what breaks a connection in the middle of a chunked body.
    timers_.push_back(loop_.after(std::chrono::milliseconds{5}, [this] {
      server_->close();
      static_cast<void>(server_->listen(port_));
    }));
  };
  return out;
}

http_reply model_double::trouble(const double_trouble& t, const json& request) {
  using kind = double_trouble::kind;
  auto broken = t.body;
  const bool wants_stream = request.is_object() && request.value("stream", false);
  switch (t.what) {
    case kind::status: {
      if (broken.is_null()) broken = error_body("The server had an error", "server_error", nullptr);
      auto out = json_response(t.status, broken);
      for (const auto& [name, value] : t.headers.all()) out.headers.set(name, value);
      return out;
    }
    case kind::error_in_200:
      return json_response(200, error_body("Provider returned error", "upstream", 502));
    case kind::bad_json: {
      auto out = json_response(200, json::object());
      out.body = R"({"id":"x","choices":[{"message":{"role":"assistant","content":"ha)";
      return out;
    }
    case kind::keep_alive: {
      auto out = std::get<tools::stream_reply>(stream("", t.what, true));
      out.start = [this](std::shared_ptr<tools::http_stream> s) {
        auto beat = std::make_shared<std::function<void()>>();
        *beat = [this, s, weak = std::weak_ptr(beat)] {
          if (s->closed()) return;
          s->write(": OPENROUTER PROCESSING\n\n");
          auto next = weak.lock();
          if (next)
            timers_.push_back(loop_.after(std::chrono::milliseconds{5}, [next] { (*next)(); }));
        };
        (*beat)();
      };
      return out;
    }
    case kind::stall:
      if (wants_stream) return stream(": wait\n\n", t.what, true);
      return tools::deferred_reply{[this](auto reply) { stalled_.push_back(std::move(reply)); }};
    case kind::reset:
    case kind::no_done: {
      auto text = stream_text(limited(decide_(request), request), request);
      return stream(text.substr(0, text.size() / 3), t.what, true);
    }
  }
  return json_response(500, json::object());
}

http_reply model_double::answer(const json& request) {
  auto said = limited(decide_(request), request);
  ++answered_;
  const bool streamed = request.value("stream", false) && !options_.ignores_stream;
  http_reply out = streamed ? stream(stream_text(said, request), {}, false)
                            : http_reply{json_response(200, document(said, usage(said, request)))};
  if (streamed) return out;
  return after_thinking(std::get<http_response>(std::move(out)), said.delay);
}

http_reply model_double::after_thinking(http_response ready, std::chrono::milliseconds delay) {
  if (delay.count() == 0) return ready;
  return tools::deferred_reply{[this, ready = std::move(ready), delay](auto reply) {
    const auto id = ++thought_;
    thinking_[id] = loop_.after(delay, [this, id, ready, reply] {
      thinking_.erase(id);
      reply(ready);
    });
  }};
}

} // namespace remed::test

#include "tools/models/openai.hpp"

#include "tests/support/model_double.hpp"
#include "tests/tools/pump.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace remed;
using namespace remed::tools;
using namespace remed::test;
using namespace std::chrono_literals;
using remed::json;
using kind = double_trouble::kind;

namespace {

model_request ask(const std::string& text) {
  model_request out;
  out.messages.push_back({chat_message::role::system, "You repair clusters.", {}, {}});
  out.messages.push_back({chat_message::role::user, text, {}, {}});
  auto schema = json::object();
  schema["type"] = "object";
  out.tools.push_back({"probe", "Runs commands.", schema});
  return out;
}

double_answer say(const std::string& text) {
  double_answer out;
  out.text = text;
  return out;
}

double_answer call_tool(const json&) {
  double_answer out;
  out.tool_calls = {{"call_a", "probe", R"({"cmd":"größe €"})"}, {"call_b", "probe", R"({"n":2})"}};
  return out;
}

struct fixture {
  explicit fixture(
      model_double::decider decide = [](const json&) { return say("fine"); },
      model_double::options o = {})
      : server(loop, std::move(decide), std::move(o)) {
    options.base_url = server.base_url();
    options.model = "double-1";
    options.api_key = "test-key";
    options.retry_wait = 1ms;
    options.idle_limit = 5s;
  }
  result<model_reply> send(model_request request) {
    if (!llm) llm = make_openai_model(loop, options);
    std::optional<result<model_reply>> end;
    auto handle = llm->complete(std::move(request),
                                [&](result<model_reply> r) { end.emplace(std::move(r)); });
    REQUIRE(pump(loop, [&] { return end.has_value(); }));
    return *end;
  }
  io_loop loop;
  model_double server;
  openai_options options;
  std::unique_ptr<model> llm;
};

double_trouble status(int code, http_headers headers = {}, json body = nullptr) {
  return {kind::status, code, std::move(headers), std::move(body)};
}

} // namespace

TEST_CASE("text, usage and cost come back, streamed or not") {
  for (bool stream : {false, true}) {
    CAPTURE(stream);
    fixture f([](const json&) { return say("alles größer € 𝄞 gut"); });
    f.options.stream = stream;
    f.options.price = token_price{2.0, 8.0, 0.5};
    auto r = f.send(ask("hello"));
    REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
    CHECK(r->text == "alles größer € 𝄞 gut");
    CHECK(r->finish_reason == "stop");
    CHECK(r->model == "double-1");
    CHECK(r->attempts == 1);
    CHECK(r->rung == "tools");
    CHECK(r->usage.input > 10);
    CHECK(r->usage.cached == r->usage.input / 2);
    CHECK(r->usage.output == 7);
    CHECK(r->usage.reasoning == 1);
    auto fresh = static_cast<double>(r->usage.input - r->usage.cached);
    REQUIRE(r->cost.has_value());
    CHECK(*r->cost == doctest::Approx((fresh * 2 + double(r->usage.cached) * 0.5 + 7 * 8) / 1e6));
    CHECK(f.server.seen()[0].value("stream", false) == stream);
  }
}

TEST_CASE("several tool calls come back whole, streamed or not, and can be answered") {
  for (bool stream : {false, true}) {
    CAPTURE(stream);
    fixture f(call_tool);
    f.options.stream = stream;
    auto request = ask("look");
    request.tool_choice = model_request::choice::required;
    auto r = f.send(request);
    REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
    REQUIRE(r->tool_calls.size() == 2);
    CHECK(r->tool_calls[0].id == "call_a");
    CHECK(r->tool_calls[0].name == "probe");
    CHECK(r->tool_calls[0].arguments == R"({"cmd":"größe €"})");
    CHECK(r->tool_calls[1].arguments == R"({"n":2})");
    CHECK(r->finish_reason == "tool_calls");
    CHECK(f.server.seen()[0]["tool_choice"] == "required");
    request.messages.push_back({chat_message::role::assistant, "", r->tool_calls, {}});
    request.messages.push_back({chat_message::role::tool, "bytes \xff\xfe", {}, "call_a"});
    request.messages.push_back({chat_message::role::tool, "two", {}, "call_b"});
    auto again = f.send(request);
    CHECK_MESSAGE(again.ok(), (again.ok() ? "" : again.why().what));
  }
}

TEST_CASE("one model is told each conversation as it stands: grown, changed or another") {
  fixture f;
  auto said = [&](const model_request& request) {
    REQUIRE(f.send(request).ok());
    std::vector<std::string> texts;
    for (const auto& m : f.server.seen().back()["messages"]) texts.push_back(m["content"]);
    return texts;
  };
  using texts = std::vector<std::string>;
  auto request = ask("x");
  CHECK(said(request) == texts{"You repair clusters.", "x"});
  CHECK(said(request) == texts{"You repair clusters.", "x"});
  request.messages.push_back({chat_message::role::assistant, "y", {}, {}});
  request.messages.push_back({chat_message::role::user, "z", {}, {}});
  CHECK(said(request) == texts{"You repair clusters.", "x", "y", "z"});
  CHECK(said(ask("other")) == texts{"You repair clusters.", "other"});
  CHECK(said(request) == texts{"You repair clusters.", "x", "y", "z"});
}

TEST_CASE("an unanswered tool call is refused with the server's own words") {
  fixture f;
  auto request = ask("x");
  request.messages.push_back({chat_message::role::assistant, "", {{"call_a", "probe", "{}"}}, {}});
  auto r = f.send(request);
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::refused);
  CHECK(r.why().what.find("call_a") != std::string::npos);
  CHECK(f.server.seen().size() == 1);
}

TEST_CASE("wrong credentials, an unknown path and a bad tool schema are refused at once") {
  fixture f;
  f.options.api_key = "wrong";
  auto r = f.send(ask("x"));
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::refused);
  CHECK(r.why().what.find("Incorrect API key") != std::string::npos);
  fixture g;
  g.options.base_url += "/nowhere";
  CHECK(g.send(ask("x")).why().code == errc::refused);
  fixture h;
  auto request = ask("x");
  auto wrong = request.tools[0];
  wrong.parameters["type"] = "string";
  request.tools = std::vector{wrong};
  CHECK(h.send(request).why().code == errc::refused);
}

TEST_CASE("what may pass is tried again, and every attempt is counted") {
  fixture f;
  f.server.script[1] = status(500);
  f.server.script[2] = status(503);
  auto r = f.send(ask("x"));
  REQUIRE(r.ok());
  CHECK(r->attempts == 3);
  f.server.script[4] = f.server.script[5] = f.server.script[6] = status(529);
  auto never = f.send(ask("x"));
  REQUIRE_FALSE(never.ok());
  CHECK(never.why().code == errc::unreachable);
  CHECK(never.why().what.find("after 3 attempts") != std::string::npos);
}

TEST_CASE("the server's own waiting time is kept, in each form; one too long is not waited") {
  for (auto [name, value] : {std::pair{"retry-after-ms", "60"}, std::pair{"Retry-After", "0.06"}}) {
    CAPTURE(name);
    fixture f;
    http_headers headers;
    headers.set(name, value);
    f.server.script[1] = status(429, headers);
    auto before = std::chrono::steady_clock::now();
    auto r = f.send(ask("x"));
    REQUIRE(r.ok());
    CHECK(std::chrono::steady_clock::now() - before >= 60ms);
  }
  fixture f;
  http_headers headers;
  headers.set("Retry-After", "3600");
  f.server.script[1] = status(429, headers);
  auto r = f.send(ask("x"));
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().what.find("3600 s") != std::string::npos);
  CHECK(f.server.seen().size() == 1);
}

TEST_CASE("no quota left is not tried again") {
  fixture f;
  auto body = json::parse(
      R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}})");
  f.server.script[1] = status(429, {}, body);
  auto r = f.send(ask("x"));
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::refused);
  CHECK(f.server.seen().size() == 1);
}

TEST_CASE("rejected parameters are given up one by one, and that is remembered") {
  model_double::options o;
  o.rejects = {"max_completion_tokens", "temperature", "seed"};
  o.rejects_required = true;
  fixture f(call_tool, o);
  auto request = ask("x");
  request.temperature = 0.0;
  request.tool_choice = model_request::choice::required;
  auto r = f.send(request);
  REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
  CHECK(r->attempts == 5);
  CHECK(r->rung == "auto");
  const auto& last = f.server.seen().back();
  CHECK(last["max_tokens"] == 4096);
  CHECK_FALSE(last.contains("temperature"));
  CHECK(last["tool_choice"] == "auto");
  auto again = f.send(request);
  REQUIRE(again.ok());
  CHECK(again->attempts == 1);
}

TEST_CASE(
    "the older token name is replaced where only the newer is known; neither ends with a failure") {
  model_double::options o;
  o.rejects = {"max_tokens"};
  fixture f([](const json&) { return say("x"); }, o);
  f.options.dialect.max_completion_tokens = false;
  auto r = f.send(ask("x"));
  REQUIRE(r.ok());
  CHECK(r->attempts == 2);
  o.rejects = {"max_tokens", "max_completion_tokens"};
  fixture g([](const json&) { return say("x"); }, o);
  CHECK(g.send(ask("x")).why().code == errc::refused);
  CHECK(g.server.seen().size() == 2);
}

TEST_CASE("two calls at once both learn what the server rejects") {
  model_double::options o;
  o.rejects = {"seed"};
  fixture f([](const json&) { return say("x"); }, o);
  f.llm = make_openai_model(f.loop, f.options);
  int good = 0, ended = 0;
  auto count = [&](result<model_reply> r) {
    ++ended;
    good += r.ok();
  };
  auto a = f.llm->complete(ask("a"), count), b = f.llm->complete(ask("b"), count);
  REQUIRE(pump(f.loop, [&] { return ended == 2; }));
  CHECK(good == 2);
}

TEST_CASE("a stream that breaks, ends early or fails inside is thrown away and asked for again") {
  for (auto what : {kind::reset, kind::no_done, kind::error_in_200}) {
    CAPTURE(static_cast<int>(what));
    fixture f([](const json&) { return say("the whole long answer, which is cut"); });
    f.options.stream = true;
    f.server.script[1] = {what, 200, {}, nullptr};
    auto r = f.send(ask("x"));
    REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
    CHECK(r->text == "the whole long answer, which is cut");
    CHECK(r->attempts == 2);
  }
}

TEST_CASE("silence, and comments without content, end with timed_out") {
  for (auto [what, stream] : {std::pair{kind::stall, false}, std::pair{kind::stall, true},
                              std::pair{kind::keep_alive, true}}) {
    CAPTURE(static_cast<int>(what));
    fixture f;
    f.options.stream = stream;
    f.options.idle_limit = 80ms;
    f.options.retries = 0;
    f.server.script[1] = {what, 200, {}, nullptr};
    auto r = f.send(ask("x"));
    REQUIRE_FALSE(r.ok());
    CHECK(r.why().code == errc::timed_out);
  }
}

TEST_CASE("a body that is not valid JSON is a clear failure and not paid for twice") {
  fixture f;
  f.server.script[1] = {kind::bad_json, 200, {}, nullptr};
  auto r = f.send(ask("x"));
  REQUIRE_FALSE(r.ok());
  CHECK(r.why().code == errc::failed);
  CHECK(r.why().what.find("not valid JSON") != std::string::npos);
  CHECK(f.server.seen().size() == 1);
}

TEST_CASE("truncated arguments, empty content and the length limit are handed on as they are") {
  for (bool stream : {false, true}) {
    fixture f(call_tool);
    f.options.stream = stream;
    auto request = ask("x");
    request.max_tokens = 2;
    auto r = f.send(request);
    REQUIRE(r.ok());
    CHECK(r->finish_reason == "length");
    CHECK(json::parse(r->tool_calls[1].arguments, nullptr, false).is_discarded());
    fixture g([](const json&) { return say(""); });
    g.options.stream = stream;
    auto empty = g.send(ask("x"));
    REQUIRE(empty.ok());
    CHECK(empty->text.empty());
    CHECK(empty->tool_calls.empty());
  }
}

TEST_CASE("a server that ignores the wish to stream is understood") {
  model_double::options o;
  o.ignores_stream = true;
  fixture f([](const json&) { return say("whole"); }, o);
  f.options.stream = true;
  auto r = f.send(ask("x"));
  REQUIRE(r.ok());
  CHECK(r->text == "whole");
}

TEST_CASE("an unknown price stays unknown; a provider's own cost is believed") {
  fixture f;
  auto r = f.send(ask("x"));
  REQUIRE(r.ok());
  CHECK_FALSE(r->cost.has_value());
  f.server.script[2] = status(
      200, {},
      json::parse(
          R"({"model":"m","choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"cost":0.25}})"));
  auto told = f.send(ask("x"));
  REQUIRE(told.ok());
  CHECK(told->cost == 0.25);
}

TEST_CASE("nobody listening is unreachable, and dropping the handle silences everything") {
  fixture f;
  f.options.base_url = "http://127.0.0.1:1/v1";
  f.options.retries = 1;
  CHECK(f.send(ask("x")).why().code == errc::unreachable);
  fixture g;
  g.server.script[1] = status(500);
  g.options.retry_wait = 200ms;
  g.llm = make_openai_model(g.loop, g.options);
  bool called = false;
  auto handle = g.llm->complete(ask("x"), [&](auto) { called = true; });
  REQUIRE(pump(g.loop, [&] { return g.server.seen().size() == 1; }));
  pump(
      g.loop, [] { return false; }, 5ms);
  handle.reset();
  pump(
      g.loop, [] { return false; }, 300ms);
  CHECK_FALSE(called);
  CHECK(g.server.seen().size() == 1);
}

TEST_CASE("over TLS with the double's own authority, and with a delay") {
  model_double::options o;
  auto id = tls_identity::generate();
  REQUIRE(id.ok());
  o.tls = *id;
  fixture f(
      [](const json&) {
        auto out = say("secret");
        out.delay = 10ms;
        return out;
      },
      o);
  f.options.ca_pem = o.tls->ca_pem;
  auto r = f.send(ask("x"));
  REQUIRE_MESSAGE(r.ok(), (r.ok() ? "" : r.why().what));
  CHECK(r->text == "secret");
}

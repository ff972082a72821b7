#include "environments/embedded/shell/real_shell.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/exec.hpp"
#include "environments/embedded/shell/kept_files.hpp"

#include <spdlog/spdlog.h>

#include <cctype>
#include <utility>

namespace remed::env {

namespace {

constexpr std::size_t most_words = 4096;
/// Of a client's input, in bytes, before it has to wait.
constexpr std::size_t most_unwritten = 1u << 20;
constexpr std::chrono::seconds patience_with_the_left{5};

/// "2:ps3:aux" → {"ps", "aux"}; empty when it is malformed.
std::vector<std::string> words_of(const std::string& body) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < body.size();) {
    auto colon = body.find(':', at);
    if (colon == std::string::npos || colon - at > 7 || colon == at) return {};
    auto digits = body.substr(at, colon - at);
    if (digits.find_first_not_of("0123456789") != std::string::npos) return {};
    auto length = static_cast<std::size_t>(std::stoul(digits));
    if (length > body.size() - colon - 1 || out.size() >= most_words) return {};
    out.push_back(body.substr(colon + 1, length));
    at = colon + 1 + length;
  }
  return out;
}

/// For printf %b: only harmless characters stay themselves.
std::string escaped(const std::string& text) {
  std::string out;
  for (unsigned char ch : text) {
    if (std::isalnum(ch))
      out += static_cast<char>(ch);
    else
      out += format("\\0%03o", ch);
  }
  return out;
}

} // namespace

std::shared_ptr<real_shell> real_shell::start(cluster& c, tools::io_loop& loop,
                                              tools::sandbox_spec::mode sandbox, const json& pod,
                                              const std::string& container,
                                              const exec_request& request,
                                              std::shared_ptr<exec_session> session) {
  std::shared_ptr<real_shell> self(new real_shell(c, loop, pod, container));
  const auto& runs = *c.node().find(text_at(pod, {"metadata", "uid"}))->find(container);
  const auto& tools = tools_of_image(runs.image);
  if (sandbox == tools::sandbox_spec::mode::none) {
    if (session->on_err) session->on_err("sh: a shell in a pod needs the sandbox, which is off\n");
    if (session->done) session->done(126, "");
    return self;
  }
  tools::sandbox_spec spec;
  spec.kind = sandbox;
  spec.rootfs = tools::sandbox_spec::root::pod;
  spec.files = shell_files(c, pod, container);
  self->instance_ = runs.instance;
  for (const auto& file : spec.files) {
    if (file.path.rfind("/bin/", 0) != 0) self->before_[file.path] = file.content;
  }
  if (tools.shells.count("bash") > 0) spec.binds = bash_binds();
  auto weak = std::weak_ptr<real_shell>(self);
  auto client = std::weak_ptr<exec_session>(session);
  tools::process_callbacks callbacks;
  auto pass_on = [weak, client](bool is_error, std::string_view text) {
    auto me = weak.lock();
    auto to = client.lock();
    if (!me || !to) return;
    const auto& sink = is_error ? to->on_err : to->on_out;
    if (sink) sink(text);
    if (to->congested && to->congested()) me->process_->hold_output(true);
  };
  callbacks.on_out = [pass_on](std::string_view text) { pass_on(false, text); };
  callbacks.on_err = [pass_on](std::string_view text) { pass_on(true, text); };
  callbacks.done = [weak, client](const result<tools::process_result>& r) {
    auto me = weak.lock();
    auto to = client.lock();
    if (me && to) me->ended(*to, r);
    if (me) me->over();
  };
  callbacks.on_written = [client] {
    auto from = client.lock();
    if (from && from->hold_input) from->hold_input(false);
  };
  callbacks.interactive = request.input;
  auto cmd = shell_command_line(c, pod, runs, request, spec.files);
  self->process_ = tools::start_sandboxed(
      loop, spec, std::move(cmd),
      [weak](int fd) {
        if (auto me = weak.lock()) me->listen(fd);
      },
      std::move(callbacks));
  session->write = [weak, client](const std::string& data) {
    auto me = weak.lock();
    auto from = client.lock();
    if (!me || !from) return;
    me->process_->write(data);
    if (me->process_->unwritten() > most_unwritten && from->hold_input) from->hold_input(true);
  };
  session->resume = [weak] {
    if (auto me = weak.lock()) me->process_->hold_output(false);
  };
  session->resize = [weak](int columns, int rows) {
    if (auto me = weak.lock()) me->process_->resize(columns, rows);
  };
  session->close_input = [weak] {
    if (auto me = weak.lock()) me->process_->close_input();
  };
  return self;
}

void real_shell::leave(std::function<void()> over) {
  on_over_ = std::move(over);
  if (over_ || !process_) return this->over();
  process_->close_input();
  process_->hold_output(false);
  patience_ = loop_.after(patience_with_the_left, [weak = weak_from_this()] {
    if (auto me = weak.lock()) me->over();
  });
}

void real_shell::over() {
  over_ = true;
  // Not from within a callback of what this owns.
  if (on_over_) loop_.post(std::exchange(on_over_, {}));
}

void real_shell::listen(int fd) {
  auto weak = weak_from_this();
  tools::http_server_options options;
  options.max_body_bytes = kept_bytes_limit;
  door_ = std::make_shared<tools::http_server>(
      loop_,
      [weak](const tools::http_request& request) -> tools::http_reply {
        auto me = weak.lock();
        if (!me) return tools::http_response{503, {}, ""};
        return request.path == "/files" ? me->keep(request) : me->answer(request);
      },
      options);
  auto listening = door_->adopt_listener(fd);
  if (!listening) spdlog::error("pod shell: {}", listening.why().what);
}

tools::http_reply real_shell::keep(const tools::http_request& request) {
  auto files = tools::read_tar(base64_decode(request.body));
  if (!files) return tools::http_response{400, {}, files.why().what};
  keep_files(cluster_, pod_, container_, instance_, before_, *files);
  return tools::http_response{};
}

tools::http_reply real_shell::answer(const tools::http_request& request) {
  auto words = words_of(request.body);
  if (request.method != "POST" || words.empty() || !shell_commands().count(words[0])) {
    return tools::http_response{400, {}, "400 bad\\040question\n"};
  }
  const auto pod = cluster_.objects().get("pods", key_of(pod_));
  auto r = pod ? run_pod_command(cluster_, *pod, container_, words, "") : complain(137, "");
  tools::http_response response;
  response.headers.set("Content-Type", "text/plain");
  if (!r.not_started.empty()) {
    r.code = 127;
    r.err = "sh: " + words[0] + ": not found\n";
  }
  response.body = r.real ? "real\n" : std::to_string(r.code) + " " + escaped(r.err) + "\n" + r.out;
  tools::deferred_reply later;
  auto takes = r.takes;
  later.start = [weak = weak_from_this(), takes,
                 response](std::function<void(tools::http_response)> send) {
    auto me = weak.lock();
    if (!me) return send(response);
    auto id = me->next_wait_++;
    auto& wait = me->waits_[id];
    wait = std::make_unique<virtual_wait>(me->cluster_, me->loop_);
    wait->until(takes, [weak, id, response, send = std::move(send)] {
      auto still = weak.lock();
      send(response);
      // Not from within the waiter itself.
      if (still)
        still->loop_.post([weak, id] {
          if (auto there = weak.lock()) there->waits_.erase(id);
        });
    });
  };
  return later;
}

void real_shell::ended(exec_session& session, const result<tools::process_result>& r) {
  if (!r) {
    if (session.on_err) session.on_err("sh: " + r.why().what + "\n");
    if (session.done) session.done(126, "");
    return;
  }
  if (r->timed_out && session.on_err) {
    session.on_err("sh: ended after " + std::to_string(exec_time_limit.count()) + " hours\n");
  }
  if (session.done) session.done(r->exit_code, "");
}

} // namespace remed::env

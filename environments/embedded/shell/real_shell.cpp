#include "environments/embedded/shell/real_shell.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/exec.hpp"
#include "environments/embedded/shell/files.hpp"
#include "environments/embedded/shell/kept_files.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace remed::env {

namespace {

constexpr std::size_t most_words = 4096;

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

std::string quoted_word(const std::string& word) {
  std::string out = "'";
  for (char ch : word) out += ch == '\'' ? std::string("'\\''") : std::string(1, ch);
  return out + "'";
}

/// Commands before the user's own line. `kill` would otherwise be the shell's own, which knows only
/// the sandbox's processes.
std::string prelude(const cluster& c, const json& pod, const container_runtime& runs) {
  std::string folders;
  for (const auto& m : container_mounts(c, pod, runs)) {
    if (!m.volume) continue;
    folders += " " + quoted_word(m.path);
    if (m.type != "fuse") continue;
    auto slash = m.path.rfind('/');
    folders += " " + quoted_word(m.path.substr(0, slash + 1) + "__chaosfs__" +
                                 m.path.substr(slash + 1) + "__");
  }
  auto make = folders.empty() ? std::string{} : "/bin/busybox mkdir -p" + folders + "; ";
  return make + "kill() { /bin/kill \"$@\"; }; ";
}

tools::command shell_command_line(const cluster& c, const json& pod, const container_runtime& runs,
                                  const exec_request& request, const image_tools& tools) {
  tools::command cmd;
  const auto& argv = request.argv;
  cmd.env = container_environment(c, pod, runs.name);
  if (tools.kind != image_tools::family::busybox) cmd.env["PATH"] = "/usr/local/bin";
  cmd.cwd = "/";
  cmd.time_limit = exec_time_limit;
  cmd.output_limit = exec_output_limit;
  if (!tools.has_shell(argv[0])) {
    // Through a shell, so that its volumes are there.
    cmd.argv = {files_keeper, "/bin/sh", "-c", prelude(c, pod, runs) + "exec \"$@\"", "sh"};
    cmd.argv.insert(cmd.argv.end(), argv.begin(), argv.end());
    return cmd;
  }
  auto bash = argv[0].find("bash") != std::string::npos;
  cmd.argv = {bash && !bash_binds().empty() ? "/bin/bash" : "/bin/sh"};
  auto before = prelude(c, pod, runs);
  auto line = std::find_if(argv.begin() + 1, argv.end(), [](const std::string& w) {
    return w.size() > 1 && w[0] == '-' && w[1] != '-' && w.find('c') != std::string::npos;
  });
  if (line != argv.end() && line + 1 != argv.end()) {
    for (auto at = argv.begin() + 1; at <= line; ++at) cmd.argv.push_back(*at);
    cmd.argv.push_back(before + *(line + 1));
    for (auto at = line + 2; at != argv.end(); ++at) cmd.argv.push_back(*at);
  } else {
    // A shell that reads its lines from standard input; the prelude cannot come before those, so
    // the line it starts from goes on with the input.
    cmd.argv.push_back("-c");
    cmd.argv.push_back(before + "while IFS= read -r remed_line; do eval \"$remed_line\"; done");
  }
  cmd.argv.insert(cmd.argv.begin(), files_keeper);
  return cmd;
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
    me->said_ += text.size();
    if (me->said_ > exec_output_limit) return me->process_->kill();
    const auto& sink = is_error ? to->on_err : to->on_out;
    if (sink) sink(text);
  };
  callbacks.on_out = [pass_on](std::string_view text) { pass_on(false, text); };
  callbacks.on_err = [pass_on](std::string_view text) { pass_on(true, text); };
  callbacks.done = [weak, client](const result<tools::process_result>& r) {
    auto me = weak.lock();
    auto to = client.lock();
    if (me && to) me->ended(*to, r);
  };
  callbacks.interactive = request.input;
  auto cmd = shell_command_line(c, pod, runs, request, tools);
  self->process_ = tools::start_sandboxed(
      loop, spec, std::move(cmd),
      [weak](int fd) {
        if (auto me = weak.lock()) me->listen(fd);
      },
      std::move(callbacks));
  session->write = [weak](const std::string& data) {
    if (auto me = weak.lock()) me->process_->write(data);
  };
  session->close_input = [weak] {
    if (auto me = weak.lock()) me->process_->close_input();
  };
  return self;
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
    session.on_err("sh: ended after " + std::to_string(exec_time_limit.count()) + " minutes\n");
  }
  if (said_ > exec_output_limit && session.on_err) session.on_err("sh: too much output\n");
  if (session.done) session.done(r->exit_code, "");
}

} // namespace remed::env

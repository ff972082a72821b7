#include "environments/embedded/shell/exec.hpp"

#include "environments/embedded/api/text.hpp"
#include "environments/embedded/node/processes.hpp"
#include "environments/embedded/shell/command.hpp"
#include "environments/embedded/shell/real_shell.hpp"

#include <set>
#include <utility>

namespace remed::env {

namespace {

/// Tells the client an answer once its time has come; dropping it keeps silent.
class delayed_answer : public std::enable_shared_from_this<delayed_answer> {
public:
  delayed_answer(cluster& c, tools::io_loop& loop, std::shared_ptr<exec_session> session,
                 shell_result answer)
      : wait_(c, loop), session_(session), answer_(std::move(answer)) {}

  void start() {
    auto takes = answer_.takes;
    wait_.until(takes, [this] { tell(session_.lock(), answer_); });
  }

  static void tell(const std::shared_ptr<exec_session>& session, const shell_result& answer) {
    if (!session) return;
    if (!answer.not_started.empty()) {
      if (session->done) session->done(answer.code, answer.not_started);
      return;
    }
    if (!answer.out.empty() && session->on_out) session->on_out(answer.out);
    if (!answer.err.empty() && session->on_err) session->on_err(answer.err);
    if (session->done) session->done(answer.code, "");
  }

private:
  virtual_wait wait_;
  std::weak_ptr<exec_session> session_;
  shell_result answer_;
};

/// A terminal's lines end with a carriage return as well.
std::string on_terminal(const std::string& text) {
  std::string out;
  for (char ch : text) out += ch == '\n' ? std::string("\r\n") : std::string(1, ch);
  return out;
}

/// Ctrl-C on a terminal ends a command that is still waited for.
std::function<void(const std::string&)> end_by_key(const std::weak_ptr<exec_session>& waiting) {
  return [waiting](const std::string& typed) {
    auto session = waiting.lock();
    if (!session || typed.find('\x03') == std::string::npos) return;
    if (session->cancel) session->cancel();
    if (session->on_out) session->on_out("^C");
    if (session->done) session->done(130, "");
  };
}

/// The session keeps what serves it alive, so that a closed client ends it.
template <class T>
void own(exec_session& session, std::shared_ptr<T> server) {
  auto held = std::make_shared<std::shared_ptr<T>>(std::move(server));
  session.cancel = [held] { held->reset(); };
}

/// Shells whose clients have gone; they end with the cluster's door at the latest.
using left_shells = std::set<std::shared_ptr<real_shell>>;

/// A client may hang up as soon as it has sent all (Ansible's k8s_cp): the command may still read
/// that to its end.
void own_shell(exec_session& session, std::shared_ptr<real_shell> shell,
               const std::weak_ptr<left_shells>& left) {
  auto held = std::make_shared<std::shared_ptr<real_shell>>(std::move(shell));
  session.cancel = [held, left] {
    auto gone = std::exchange(*held, nullptr);
    auto all = left.lock();
    if (!gone || !all) return;
    all->insert(gone);
    gone->leave([left, shell = std::weak_ptr<real_shell>(gone)] {
      auto still = left.lock();
      if (still) still->erase(shell.lock());
    });
  };
}

bool wants_shell(const image_tools& tools, const std::vector<std::string>& argv) {
  if (argv.empty()) return false;
  if (!tools.has_shell(argv[0])) return is_real_program(tools, argv[0]);
  if (argv.size() == 3 && argv[1] == "-c") {
    auto words = plain_words(argv[2]);
    return !words || words->empty() || !shell_commands().count((*words)[0]);
  }
  return true;
}

/// The container's own shell: when it ends, so does the container. The client is told of success
/// whatever the code; it reads that from the pod's status.
exec_request attached(cluster& c, exec_request request, const container_runtime& runs,
                      const std::string& uid, exec_session& session) {
  request.argv = {runs.processes.empty() ? "sh" : runs.processes.front().comm};
  session.done = [&c, uid, container = runs.name, done = session.done](int code,
                                                                       const std::string& error) {
    kill_container(c, uid, container, code);
    c.settle();
    if (done) done(0, error);
  };
  return request;
}

} // namespace

exec_backend make_exec_backend(tools::io_loop* loop, tools::sandbox_spec::mode sandbox) {
  return [loop, sandbox, left = std::make_shared<left_shells>()](
             cluster& c, const exec_request& asked, std::shared_ptr<exec_session> session) {
    auto request = asked;
    auto pod = c.objects().get("pods", {request.ns, request.pod});
    if (!pod) {
      if (session->done) session->done(126, "pods \"" + request.pod + "\" not found");
      return;
    }
    auto container = request.container;
    if (container.empty()) container = text_at(at_path(*pod, {"spec", "containers"})[0], {"name"});
    const auto* runtime = c.node().find(text_at(*pod, {"metadata", "uid"}));
    const auto* runs = runtime ? runtime->find(container) : nullptr;
    auto running = runs && runs->running();
    if (request.tty) session->on_err = session->on_out; // a terminal is one stream
    if (running && request.attach) request = attached(c, asked, *runs, runtime->uid, *session);
    if (loop && running && wants_shell(tools_of_image(runs->image), request.argv)) {
      auto shell = real_shell::start(c, *loop, sandbox, *pod, container, request, session);
      own_shell(*session, std::move(shell), left);
      return;
    }
    auto answer = run_pod_command(c, *pod, container, request.argv, "");
    if (request.tty) {
      answer.out = on_terminal(answer.out);
      answer.err = on_terminal(answer.err);
    }
    if (!session->write) session->write = [](const std::string&) {};
    if (!session->close_input) session->close_input = [] {};
    if (!loop) return delayed_answer::tell(session, answer);
    auto waiting = std::make_shared<delayed_answer>(c, *loop, session, std::move(answer));
    if (request.tty) session->write = end_by_key(session);
    own(*session, waiting);
    waiting->start();
  };
}

} // namespace remed::env

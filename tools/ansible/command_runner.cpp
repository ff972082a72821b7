// Plain `ansible-playbook` inside the sandbox: slower, with nothing of ours in between.
#include "runtime/paths.hpp"
#include "tools/ansible/events.hpp"
#include "tools/ansible/fd_reader.hpp"
#include "tools/ansible/run_plan.hpp"
#include "tools/ansible/runners.hpp"
#include "tools/sandbox/control.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace remed::tools {

namespace {

/// The last events may still be in the socket when the process has ended.
constexpr std::chrono::milliseconds events_grace{500};

class command_run : public std::enable_shared_from_this<command_run> {
public:
  command_run(io_loop& loop, const playbook_run& run,
              std::function<void(result<playbook_result>)> done)
      : loop_(loop), events_(16 * run.output_limit), done_(std::move(done)) {}

  void start(run_plan plan, std::function<void(int fd)> on_listener);
  void stop() {
    done_ = {};
    process_.reset();
    grace_.reset();
    if (reader_) reader_->stop();
  }

private:
  void on_exit(result<process_result> r) {
    ended_ = true;
    exit_ = std::move(r);
    if (!reader_->open()) return finish();
    grace_ = loop_.after(events_grace, [self = weak_from_this()] {
      if (auto alive = self.lock()) alive->finish();
    });
  }
  void finish();

  io_loop& loop_;
  event_collector events_;
  std::function<void(result<playbook_result>)> done_;
  std::shared_ptr<fd_reader> reader_;
  std::shared_ptr<process> process_;
  std::shared_ptr<void> grace_;
  bool ended_ = false;
  result<process_result> exit_ = process_result{};
};

void command_run::start(run_plan plan, std::function<void(int fd)> on_listener) {
  auto sockets = socket_pair(SOCK_STREAM);
  if (!sockets) {
    loop_.post([self = shared_from_this(), why = sockets.why()] {
      if (auto done = std::move(self->done_)) done(why);
    });
    return;
  }
  std::weak_ptr<command_run> self = weak_from_this();
  reader_ = std::make_shared<fd_reader>(
      loop_, std::move((*sockets)[0]),
      [self](std::string_view data) {
        if (auto alive = self.lock()) alive->events_.append(data);
      },
      [self] {
        if (auto alive = self.lock(); alive && alive->ended_) alive->finish();
      });
  reader_->start();
  plan.cmd.pass_fds = {{(*sockets)[1].get(), ansible_events_fd}};
  process_callbacks callbacks;
  callbacks.done = [self](result<process_result> r) {
    if (auto alive = self.lock()) alive->on_exit(std::move(r));
  };
  process_ = start_sandboxed(loop_, plan.spec, std::move(plan.cmd), std::move(on_listener),
                             std::move(callbacks));
}

void command_run::finish() {
  auto done = std::move(done_);
  const auto keep = shared_from_this();
  stop();
  if (!done) return;
  if (!exit_) return done(exit_.why());
  playbook_result out;
  out.exit_code = exit_->exit_code;
  out.out = std::move(exit_->out);
  out.err = std::move(exit_->err);
  out.wall = exit_->wall;
  out.cpu = exit_->cpu;
  out.truncated = exit_->truncated || events_.truncated();
  out.tasks = events_.take();
  out.limit = std::move(exit_->limit);
  out.why = ending_of(out, exit_->timed_out);
  done(std::move(out));
}

class command_runner : public ansible_runner {
public:
  command_runner(io_loop& loop, sandbox_spec::mode mode) : loop_(loop), mode_(mode) {}

  std::shared_ptr<void> run(playbook_run run, std::function<void(int fd)> on_listener,
                            std::function<void(result<playbook_result>)> done) override {
    auto plan = plan_run(run, mode_);
    const auto scripts = ansible_scripts();
    auto plugin = scripts ? read_file(*scripts + "/remed_events.py") : scripts;
    if (!plugin) {
      loop_.post([done = std::move(done), why = plugin.why()] { done(why); });
      return std::make_shared<int>();
    }
    const std::string path = std::string(ansible_plugin_folder) + "/remed_events.py";
    plan.spec.files.push_back({path, *plugin});
    plan.cmd.argv[0] = "/usr/bin/ansible-playbook";
    auto made = std::make_shared<command_run>(loop_, run, std::move(done));
    made->start(std::move(plan), std::move(on_listener));
    return {made.get(), [made](void*) { made->stop(); }};
  }

private:
  io_loop& loop_;
  sandbox_spec::mode mode_;
};

} // namespace

std::unique_ptr<ansible_runner> make_command_runner(io_loop& loop, sandbox_spec::mode mode) {
  return std::make_unique<command_runner>(loop, mode);
}

} // namespace remed::tools

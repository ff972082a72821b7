// A run through the host process: a request with its own connection, output read on the loop.
#include "tools/ansible/events.hpp"
#include "tools/ansible/fd_reader.hpp"
#include "tools/ansible/run_plan.hpp"
#include "tools/ansible/runners.hpp"
#include "tools/capped_output.hpp"
#include "tools/sandbox/bare.hpp"
#include "tools/sandbox/control.hpp"
#include "tools/sandbox/spec_json.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace remed::tools {

namespace {

/// The host's queue is only full while it is still importing Ansible.
constexpr std::chrono::milliseconds submit_again{20};
/// After the end of a run its pipes are empty and closed at once; a stuck one costs so much.
constexpr std::chrono::milliseconds drain_grace{500};

class host_run : public std::enable_shared_from_this<host_run> {
public:
  host_run(io_loop& loop, std::shared_ptr<ansible_host> host, const playbook_run& run,
           std::function<void(result<playbook_result>)> done)
      : loop_(loop),
        host_(std::move(host)),
        time_limit_(run.time_limit),
        flood_limit_(run.flood_limit),
        out_(run.output_limit),
        err_(run.output_limit),
        events_(16 * run.output_limit),
        done_(std::move(done)) {}

  void start(run_plan plan, std::function<void(int fd)> on_listener);
  /// Kills the run and forgets the callback.
  void stop();

private:
  using on_data = void (host_run::*)(std::string_view);
  result<void> prepare(run_plan plan, std::function<void(int fd)> on_listener, host_request& r);
  result<json> request_json(run_plan plan, std::function<void(int fd)>& on_listener);
  std::shared_ptr<fd_reader> read(unique_fd fd, on_data take);
  void submit(std::shared_ptr<host_request> request);
  void take_out(std::string_view data) { keep(out_, data); }
  void take_err(std::string_view data) { keep(err_, data); }
  void keep(capped_output& in, std::string_view data);
  void take_events(std::string_view data) { events_.append(data); }
  void take_answer(std::string_view data);
  void on_answer(const json& answer);
  void on_deadline();
  void on_stream_end();
  void fail(failure why);
  void finish();

  io_loop& loop_;
  std::shared_ptr<ansible_host> host_;
  std::chrono::milliseconds time_limit_;
  std::size_t flood_limit_;
  capped_output out_, err_;
  event_collector events_;
  std::function<void(result<playbook_result>)> done_;
  std::shared_ptr<fd_reader> out_reader_, err_reader_, events_reader_, connection_;
  std::shared_ptr<sandbox_control> control_;
  std::shared_ptr<bare_place> place_;
  std::shared_ptr<void> timer_;
  std::string answer_;
  playbook_result result_;
  bool timed_out_ = false, ended_ = false;
};

std::shared_ptr<fd_reader> host_run::read(unique_fd fd, on_data take) {
  std::weak_ptr<host_run> self = weak_from_this();
  auto reader = std::make_shared<fd_reader>(
      loop_, std::move(fd),
      [self, take](std::string_view data) {
        if (auto alive = self.lock()) (alive.get()->*take)(data);
      },
      [self] {
        if (auto alive = self.lock()) alive->on_stream_end();
      });
  reader->start();
  return reader;
}

result<json> host_run::request_json(run_plan plan, std::function<void(int fd)>& on_listener) {
  auto out = json::object();
  out["task_timeout"] = std::stoi(plan.cmd.env["ANSIBLE_TASK_TIMEOUT"]);
  out["sandbox"] = nullptr;
  add_sandbox_defaults(plan.spec, plan.cmd);
  if (host_->mode() == sandbox_spec::mode::sandboxed) {
    out["sandbox"] = to_json(plan.spec, plan.cmd);
  } else {
    auto place = bare_place::prepare(plan.spec, plan.cmd);
    if (!place) return place.why();
    place_ = *place;
    const int listener = place_->take_listener();
    if (on_listener)
      on_listener(listener);
    else
      ::close(listener);
  }
  out["argv"] = plan.cmd.argv;
  out["env"] = plan.cmd.env;
  out["cwd"] = plan.cmd.cwd;
  return out;
}

result<void> host_run::prepare(run_plan plan, std::function<void(int fd)> on_listener,
                               host_request& r) {
  auto request = request_json(std::move(plan), on_listener);
  if (!request) return request.why();
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return failure{errc::failed, "no pipe for Ansible's output"};
  unique_fd out_read{out[0]}, out_write{out[1]};
  if (::pipe2(err, O_CLOEXEC) != 0) return failure{errc::failed, "no pipe for Ansible's errors"};
  unique_fd err_read{err[0]}, err_write{err[1]};
  auto connection = socket_pair(SOCK_STREAM), events = socket_pair(SOCK_STREAM);
  auto control = socket_pair(SOCK_SEQPACKET);
  auto text = memory_file(request->dump());
  for (const auto* pair : {&connection, &events, &control}) {
    if (!*pair) return pair->why();
  }
  if (!text) return text.why();
  out_reader_ = read(std::move(out_read), &host_run::take_out);
  err_reader_ = read(std::move(err_read), &host_run::take_err);
  events_reader_ = read(std::move((*events)[0]), &host_run::take_events);
  connection_ = read(std::move((*connection)[0]), &host_run::take_answer);
  control_ =
      std::make_shared<sandbox_control>(loop_, std::move((*control)[0]), std::move(on_listener));
  control_->start();
  r.connection = std::move((*connection)[1]);
  r.request = std::move(*text);
  r.out = std::move(out_write);
  r.err = std::move(err_write);
  r.events = std::move((*events)[1]);
  r.control = std::move((*control)[1]);
  return {};
}

void host_run::start(run_plan plan, std::function<void(int fd)> on_listener) {
  auto request = std::make_shared<host_request>();
  if (auto ready = prepare(std::move(plan), std::move(on_listener), *request); !ready) {
    auto told = [self = weak_from_this(), why = ready.why()] {
      if (auto alive = self.lock()) alive->fail(why);
    };
    return loop_.post(std::move(told));
  }
  submit(std::move(request));
}

void host_run::submit(std::shared_ptr<host_request> request) {
  auto sent = host_->submit(*request);
  std::weak_ptr<host_run> self = weak_from_this();
  if (!sent) {
    loop_.post([self, why = sent.why()] {
      if (auto alive = self.lock()) alive->fail(why);
    });
  } else if (!*sent) {
    timer_ = loop_.after(submit_again, [self, request] {
      if (auto alive = self.lock()) alive->submit(request);
    });
  }
}

void host_run::keep(capped_output& in, std::string_view data) {
  in.append(data);
  if (out_.seen() + err_.seen() <= flood_limit_ || !result_.limit.empty()) return;
  result_.limit = flood_text(flood_limit_);
  connection_->hang_up();
}

void host_run::take_answer(std::string_view data) {
  answer_ += data;
  for (std::size_t end; (end = answer_.find('\n')) != std::string::npos;) {
    const auto answer = json::parse(answer_.substr(0, end), nullptr, false);
    answer_.erase(0, end + 1);
    if (answer.is_object()) on_answer(answer);
  }
}

void host_run::on_answer(const json& answer) {
  std::weak_ptr<host_run> self = weak_from_this();
  if (answer.contains("pid")) {
    // The clock starts when the run does, not while it waits for its turn.
    timer_ = loop_.after(time_limit_, [self] {
      if (auto alive = self.lock()) alive->on_deadline();
    });
    return;
  }
  result_.exit_code = answer.value("rc", -1);
  result_.wall =
      std::chrono::microseconds{static_cast<std::int64_t>(answer.value("wall", 0.0) * 1e6)};
  const double cpu = answer.value("utime", 0.0) + answer.value("stime", 0.0);
  result_.cpu = std::chrono::microseconds{static_cast<std::int64_t>(cpu * 1e6)};
  ended_ = true;
  timer_ = loop_.after(drain_grace, [self] {
    if (auto alive = self.lock()) alive->finish();
  });
  on_stream_end();
}

void host_run::on_deadline() {
  timed_out_ = true;
  connection_->hang_up();
}

void host_run::on_stream_end() {
  const bool silent = !out_reader_->open() && !err_reader_->open() && !events_reader_->open();
  if (ended_ && silent) return finish();
  if (!ended_ && !connection_->open()) {
    fail({errc::failed, "the Ansible host process ended: " + host_->log()});
  }
}

void host_run::fail(failure why) {
  auto done = std::move(done_);
  const auto keep = shared_from_this();
  stop();
  if (done) done(std::move(why));
}

void host_run::finish() {
  control_->drain();
  if (!control_->error().empty()) {
    return fail({errc::failed, "sandbox: " + control_->error()});
  }
  const auto control_limit = control_->limit();
  auto done = std::move(done_);
  const auto keep = shared_from_this();
  stop();
  if (!done) return;
  result_.out = out_.take();
  result_.err = err_.take();
  result_.tasks = events_.take();
  result_.truncated = out_.truncated() || err_.truncated() || events_.truncated();
  if (result_.limit.empty()) result_.limit = control_limit;
  result_.why = ending_of(result_, timed_out_);
  done(std::move(result_));
}

void host_run::stop() {
  done_ = {};
  timer_.reset();
  for (auto* reader : {&out_reader_, &err_reader_, &events_reader_, &connection_}) {
    if (*reader) (*reader)->stop();
  }
  if (control_) control_->stop();
}

class host_runner : public ansible_runner {
public:
  host_runner(io_loop& loop, std::shared_ptr<ansible_host> host)
      : loop_(loop), host_(std::move(host)) {}

  std::shared_ptr<void> run(playbook_run run, std::function<void(int fd)> on_listener,
                            std::function<void(result<playbook_result>)> done) override {
    auto made = std::make_shared<host_run>(loop_, host_, run, std::move(done));
    made->start(plan_run(run, host_->mode()), std::move(on_listener));
    return {made.get(), [made](void*) { made->stop(); }};
  }

private:
  io_loop& loop_;
  std::shared_ptr<ansible_host> host_;
};

} // namespace

std::unique_ptr<ansible_runner> make_host_runner(io_loop& loop,
                                                 std::shared_ptr<ansible_host> host) {
  return std::make_unique<host_runner>(loop, std::move(host));
}

std::unique_ptr<ansible_runner> make_ansible_runner(io_loop& loop, ansible_backend backend,
                                                    sandbox_spec::mode mode,
                                                    std::shared_ptr<ansible_host> host) {
  // Without a host process the plain command does the same, slower.
  if (backend == ansible_backend::command || !host) return make_command_runner(loop, mode);
  return make_host_runner(loop, std::move(host));
}

} // namespace remed::tools

#include "tools/process.hpp"

#include "tools/capped_output.hpp"
#include "tools/net.hpp"
#include "tools/spawn.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace remed::tools {

namespace {

/// A grandchild may hold the pipes open after the child's end; its last words are awaited so long.
constexpr std::chrono::milliseconds pipe_grace{200};
/// A killed child that does not die (it hangs in the kernel) is reported after so long.
constexpr std::chrono::milliseconds kill_grace{2'000};

/// write(2) that fails with EPIPE instead of raising SIGPIPE, leaving the process' handler alone.
ssize_t write_quietly(int fd, const char* data, std::size_t size) {
  sigset_t pipe_signal, before, waiting;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::sigpending(&waiting);
  const bool already_pending = ::sigismember(&waiting, SIGPIPE) == 1;
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  auto n = ::write(fd, data, size);
  const int error = errno;
  if (n < 0 && error == EPIPE && !already_pending) {
    const timespec at_once{};
    ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return n;
}

/// One output pipe of the child.
struct output_pipe {
  output_pipe(net::io_context& context, std::size_t limit)
      : pipe(context.get_executor()), kept(limit) {}
  descriptor pipe;
  capped_output kept;
  std::function<void(std::string_view)> on_data;
  std::array<char, 16 * 1024> buffer;
  bool open = false;
  bool waiting = false; ///< for its output to be wanted again
};

/// The child and its pipes. Owned by its pending operations, so it lives until the child was reaped
/// even when the handle is dropped.
class child : public std::enable_shared_from_this<child> {
public:
  child(io_loop& loop, const command& cmd, process_callbacks callbacks)
      : loop_(loop),
        callbacks_(std::move(callbacks)),
        pid_watch_(loop.impl().context.get_executor()),
        in_(loop.impl().context.get_executor()),
        out_(loop.impl().context, cmd.output_limit),
        err_(loop.impl().context, cmd.output_limit),
        input_(cmd.input),
        flood_limit_(cmd.flood_limit),
        tty_(cmd.tty),
        close_after_input_(!callbacks_.interactive) {
    out_.on_data = std::move(callbacks_.on_out);
    err_.on_data = std::move(callbacks_.on_err);
  }
  ~child();

  void start(const command& cmd);
  void kill_group();
  void write(std::string data);
  void close_input();
  std::size_t unwritten() const { return input_.size(); }
  void hold_output(bool on);
  void resize(int columns, int rows);
  /// The handle was dropped: kill, forget the callbacks, reap in the background.
  void abandon();

private:
  void fail(failure why);
  void watch_exit();
  void on_exit_ready();
  void expect_last_words();
  void read(output_pipe& from);
  void keep(output_pipe& from, std::string_view data);
  void write_input();
  void on_deadline();
  void finish_when_drained();
  void finish();
  bool reap();

  io_loop& loop_;
  process_callbacks callbacks_;
  descriptor pid_watch_, in_;
  output_pipe out_, err_;
  std::string input_;
  std::size_t flood_limit_;
  bool tty_;
  bool close_after_input_;
  bool writing_ = false, held_ = false;
  pid_t pid_ = -1;
  bool exited_ = false, reaped_ = false, finished_ = false;
  process_result result_;
  steady::time_point started_{};
  std::shared_ptr<void> deadline_, grace_;
};

child::~child() {
  // Only when the loop itself went away with the child still running.
  if (pid_ < 0 || reaped_) return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void child::start(const command& cmd) {
  const bool with_input = callbacks_.interactive || !input_.empty() || tty_;
  auto made = spawn(cmd, with_input);
  if (!made) return fail(made.why());
  pid_ = made->pid;
  started_ = steady::now();
  auto adopt = [](descriptor& to, unique_fd& fd) {
    error_code ec;
    to.assign(fd.get(), ec);
    if (!ec) fd.release();
    if (!ec) to.non_blocking(true, ec);
    return !ec;
  };
  bool adopted = adopt(pid_watch_, made->pidfd) && adopt(out_.pipe, made->out) &&
                 (tty_ || adopt(err_.pipe, made->err)) && (!with_input || adopt(in_, made->in));
  if (!adopted) return fail({errc::failed, "cannot watch '" + cmd.argv.front() + "'"});
  auto self = weak_from_this();
  deadline_ = loop_.after(cmd.time_limit, [self] {
    if (auto alive = self.lock()) alive->on_deadline();
  });
  watch_exit();
  read(out_);
  if (!tty_) read(err_);
  if (with_input) write_input();
}

void child::fail(failure why) {
  finished_ = true;
  auto task = [self = shared_from_this(), why = std::move(why)] {
    auto done = std::move(self->callbacks_.done);
    self->callbacks_ = {};
    if (done) done(why);
  };
  loop_.post(std::move(task));
}

void child::watch_exit() {
  pid_watch_.async_wait(descriptor::wait_read, [self = shared_from_this()](error_code ec) {
    if (!ec) self->on_exit_ready();
  });
}

void child::on_exit_ready() {
  siginfo_t info{};
  // Looked at without reaping: until then the process id, which names the group, cannot be reused.
  auto id = static_cast<id_t>(pid_);
  if (::waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return finish();
  if (info.si_pid == 0) return watch_exit(); // a spurious wake-up
  exited_ = true;
  if (finished_) {
    ::kill(-pid_, SIGKILL);
    reap();
    return;
  }
  expect_last_words();
  finish_when_drained();
}

void child::expect_last_words() {
  auto self = weak_from_this();
  grace_ = loop_.after(pipe_grace, [self] {
    auto alive = self.lock();
    if (!alive) return;
    if (alive->held_)
      alive->expect_last_words();
    else
      alive->finish();
  });
}

void child::hold_output(bool on) {
  held_ = on;
  for (auto* pipe : {&out_, &err_}) {
    if (!on && !finished_ && std::exchange(pipe->waiting, false)) read(*pipe);
  }
}

void child::resize(int columns, int rows) {
  const auto size = [](int n) { return static_cast<unsigned short>(std::clamp(n, 1, 0xffff)); };
  const winsize wanted{size(rows), size(columns), 0, 0};
  if (tty_ && in_.is_open()) ::ioctl(in_.native_handle(), TIOCSWINSZ, &wanted);
}

void child::read(output_pipe& from) {
  from.open = true;
  from.waiting = held_;
  if (held_) return;
  from.pipe.async_read_some(net::buffer(from.buffer),
                            [self = shared_from_this(), &from](error_code ec, std::size_t n) {
                              if (self->finished_) return;
                              std::string_view data{from.buffer.data(), n};
                              // Called through a copy: it may drop the handle, which clears it.
                              auto on_data = from.on_data;
                              if (!on_data)
                                self->keep(from, data);
                              else if (n > 0)
                                on_data(data);
                              if (self->finished_) return;
                              if (!ec) return self->read(from);
                              from.open = false;
                              self->finish_when_drained();
                            });
}

void child::keep(output_pipe& from, std::string_view data) {
  from.kept.append(data);
  if (out_.kept.seen() + err_.kept.seen() <= flood_limit_ || !result_.limit.empty()) return;
  result_.limit = flood_text(flood_limit_);
  kill_group();
}

void child::write(std::string data) {
  if (!in_.is_open() || close_after_input_) return;
  input_ += data;
  write_input();
}

void child::close_input() {
  if (close_after_input_) return;
  // A terminal has no end; this character stands for it.
  if (tty_) input_ += '\x04';
  close_after_input_ = true;
  if (in_.is_open()) write_input();
}

void child::write_input() {
  if (writing_ || !in_.is_open()) return;
  if (input_.empty()) {
    if (close_after_input_ && !tty_) in_.close();
    return;
  }
  writing_ = true;
  in_.async_wait(descriptor::wait_write, [self = shared_from_this()](error_code ec) {
    self->writing_ = false;
    if (ec || !self->in_.is_open()) return;
    auto n = write_quietly(self->in_.native_handle(), self->input_.data(), self->input_.size());
    if (n > 0) self->input_.erase(0, static_cast<std::size_t>(n));
    // A child that does not read its input is no error: it may have ended well without it.
    if (n < 0 && errno != EAGAIN && errno != EINTR) self->in_.close();
    self->write_input();
    auto written = self->callbacks_.on_written;
    if (n > 0 && self->input_.empty() && written) written();
  });
}

void child::on_deadline() {
  if (exited_ || finished_) return;
  result_.timed_out = true;
  kill_group();
}

void child::kill_group() {
  if (pid_ < 0 || reaped_ || finished_) return;
  ::kill(-pid_, SIGKILL);
  if (exited_ || grace_) return;
  auto self = weak_from_this();
  grace_ = loop_.after(kill_grace, [self] {
    if (auto alive = self.lock()) alive->finish();
  });
}

void child::finish_when_drained() {
  if (exited_ && !out_.open && !err_.open) finish();
}

bool child::reap() {
  int status = 0;
  rusage used{};
  if (reaped_ || ::wait4(pid_, &status, WNOHANG, &used) != pid_) return false;
  reaped_ = true;
  result_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  auto micros = [](const timeval& t) {
    return std::chrono::microseconds{static_cast<std::int64_t>(t.tv_sec) * 1'000'000 + t.tv_usec};
  };
  result_.cpu = micros(used.ru_utime) + micros(used.ru_stime);
  return true;
}

void child::finish() {
  if (finished_) return;
  finished_ = true;
  deadline_.reset();
  grace_.reset();
  // What the child left behind in its group ends with it.
  ::kill(-pid_, SIGKILL);
  if (!reap()) result_.exit_code = 128 + SIGKILL;
  error_code ignored;
  in_.close(ignored);
  out_.pipe.close(ignored);
  err_.pipe.close(ignored);
  result_.out = out_.kept.take();
  result_.err = err_.kept.take();
  result_.truncated = out_.kept.truncated() || err_.kept.truncated();
  result_.wall = std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - started_);
  auto done = std::move(callbacks_.done);
  callbacks_ = {};
  out_.on_data = {};
  err_.on_data = {};
  if (done) done(std::move(result_));
}

void child::abandon() {
  callbacks_ = {};
  out_.on_data = {};
  err_.on_data = {};
  deadline_.reset();
  grace_.reset();
  if (finished_ || pid_ < 0) return;
  finished_ = true;
  ::kill(-pid_, SIGKILL);
  error_code ignored;
  in_.close(ignored);
  out_.pipe.close(ignored);
  err_.pipe.close(ignored);
}

/// What the caller holds: a weak reference, so that it may outlive the loop.
class child_handle : public process {
public:
  explicit child_handle(const std::shared_ptr<child>& watched) : child_(watched) {}
  ~child_handle() override {
    if (auto alive = child_.lock()) alive->abandon();
  }
  child_handle(const child_handle&) = delete;
  child_handle& operator=(const child_handle&) = delete;
  void kill() override {
    if (auto alive = child_.lock()) alive->kill_group();
  }
  void write(std::string data) override {
    if (auto alive = child_.lock()) alive->write(std::move(data));
  }
  void close_input() override {
    if (auto alive = child_.lock()) alive->close_input();
  }
  std::size_t unwritten() const override {
    auto alive = child_.lock();
    return alive ? alive->unwritten() : 0;
  }
  void hold_output(bool on) override {
    if (auto alive = child_.lock()) alive->hold_output(on);
  }
  void resize(int columns, int rows) override {
    if (auto alive = child_.lock()) alive->resize(columns, rows);
  }

private:
  std::weak_ptr<child> child_;
};

} // namespace

std::shared_ptr<process> start_process(io_loop& loop, command cmd, process_callbacks callbacks) {
  auto made = std::make_shared<child>(loop, cmd, std::move(callbacks));
  made->start(cmd);
  return std::make_shared<child_handle>(made);
}

} // namespace remed::tools

#include "tools/io_loop.hpp"

#include "tools/http_pool.hpp"
#include "tools/net.hpp"

namespace remed::tools {

namespace {

/// At most so many handlers run in one go: whoever pumps the loop also has other work.
constexpr int burst = 256;

bool run_ready(net::io_context& context) {
  int ran = 0;
  while (ran < burst && context.poll_one() > 0) ++ran;
  return ran > 0;
}

/// Owns nothing: the timer lives in its pending handler, so a handle may outlive the loop.
class timer_handle {
public:
  explicit timer_handle(std::weak_ptr<steady_timer> timer) : timer_(std::move(timer)) {}
  ~timer_handle() {
    if (auto timer = timer_.lock()) timer->cancel();
  }
  timer_handle(const timer_handle&) = delete;
  timer_handle& operator=(const timer_handle&) = delete;

private:
  std::weak_ptr<steady_timer> timer_;
};

} // namespace

io_loop::native::native() : pool(std::make_unique<http_pool>()) {}
io_loop::native::~native() {
  // While the context still lives; what ends here may want to take others out of the map.
  auto ending = std::exchange(kept, {});
}

io_loop::io_loop() : native_(std::make_unique<native>()) {}
io_loop::~io_loop() = default;

bool io_loop::poll() {
  native_->context.restart();
  return run_ready(native_->context);
}

bool io_loop::run_for(std::chrono::milliseconds limit) {
  native_->context.restart();
  if (native_->context.run_one_for(limit) == 0) return false;
  run_ready(native_->context);
  return true;
}

void io_loop::post(std::function<void()> task) {
  net::post(native_->context, std::move(task));
}

std::shared_ptr<void> io_loop::after(std::chrono::milliseconds delay, std::function<void()> task) {
  auto timer = std::make_shared<steady_timer>(native_->context.get_executor(), delay);
  auto handle = std::make_shared<timer_handle>(timer);
  // The handle is looked at again when the timer fires: cancelling does not help a timer whose
  // handler is already queued.
  auto wait = [timer, alive = std::weak_ptr<timer_handle>(handle),
               task = std::move(task)](error_code ec) {
    if (ec || alive.expired()) return;
    task();
  };
  timer->async_wait(std::move(wait));
  return handle;
}

} // namespace remed::tools

#include "environments/embedded/virtual_wait.hpp"

#include <utility>

namespace remed::env {

namespace {

using std::chrono::steady_clock;
/// How often a waiter looks at the cluster's clock (wall time).
constexpr std::chrono::milliseconds look_every{5};

} // namespace

void virtual_wait::until(duration from_now, std::function<void()> then) {
  due_ = cluster_.now() + from_now;
  latest_ = steady_clock::now() + from_now;
  then_ = std::move(then);
  look();
}

void virtual_wait::look() {
  if (cluster_.now() >= due_ || steady_clock::now() >= latest_) {
    // What follows may drop this.
    auto then = std::move(then_);
    timer_.reset();
    then();
    return;
  }
  timer_ = loop_.after(look_every, [this] { look(); });
}

} // namespace remed::env

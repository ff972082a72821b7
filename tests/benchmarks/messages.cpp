// Messages per second through the traced role shell, beside raw CAF on the same scheduler.

#include "runtime/world.hpp"
#include "tests/benchmarks/benchmarks.hpp"
#include "tests/benchmarks/measure.hpp"

namespace remed::benchmarks {

namespace {

constexpr int rounds = 100'000;

using ball = caf::typed_actor<caf::reacts_to<verdict>>;

/// Plays a verdict to and fro; as a traced role and as a bare actor.
class player {
public:
  static constexpr auto name = "player";
  using handle = ball;
  struct needs {
    std::function<ball()> other;
    int* left;
  };
  player(handle::pointer self, needs n) : self_(self), needs_(std::move(n)) {}
  handle::behavior_type behavior() {
    return {[this](const verdict& v) {
      if (--*needs_.left > 0) self_->send(needs_.other(), v);
    }};
  }

private:
  handle::pointer self_;
  needs needs_;
};

class bare_player final : public ball::base {
public:
  bare_player(caf::actor_config& config, player::needs n) : ball::base(config), role_(this, n) {}
  ball::behavior_type make_behavior() override { return role_.behavior(); }

private:
  player role_;
};

template <class Spawn>
double seconds_per_message(world& w, Spawn spawn) {
  int left = rounds;
  ball a, b;
  a = spawn(player::needs{[&b] { return b; }, &left});
  b = spawn(player::needs{[&a] { return a; }, &left});
  const stopwatch watch;
  w.tell(a, verdict{});
  while (left > 0 && w.step()) {
  }
  return watch.cpu() / rounds;
}

} // namespace

void messages() {
  world traced({}, event_log({}));
  const auto with = seconds_per_message(
      traced, [&](player::needs n) { return traced.spawn<player>(std::move(n)); });
  world raw({}, event_log({}));
  const auto without = seconds_per_message(
      raw, [&](player::needs n) { return ball(raw.system().spawn<bare_player>(std::move(n))); });
  line("messages per CPU second, raw CAF actors", 1 / without, "1/s");
  line("messages per CPU second, traced roles (JSON and hash per message)", 1 / with, "1/s");
  line("tracing, per message", (with - without) * 1e6, "µs");
}

} // namespace remed::benchmarks

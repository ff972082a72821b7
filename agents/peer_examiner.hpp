// The examiner of `--verdict microremed`: MicroRemed's checks decide; the sound verdict is made of
// the same stretch of time and stands beside it.
#pragma once

#include "agents/examiner.hpp"
#include "chaos/peer_checks.hpp"
#include "chaos/verifier.hpp"

#include <memory>
#include <optional>

namespace remed::agents {

/// The names of the two verdicts among the evidence of a `verdict`.
inline constexpr const char* peer_evidence = "verdict:microremed";
inline constexpr const char* sound_evidence = "verdict:sound";

class peer_examiner final : public examiner {
public:
  peer_examiner(std::shared_ptr<chaos::judge> by, chaos::verification_plan plan)
      : judge_(std::move(by)), plan_(plan) {}

  void begin(const outcome& what, answer then) override;
  void look(answer then) override;

private:
  /// When each of the two wants to be woken; none: it is working, or has its verdict.
  struct clock {
    std::optional<vtime> due;
  };

  vtime after(duration wait) const { return judge_->where().now() + wait; }
  /// One of the two spoke: at once, while it is called, or later.
  void heard();
  void go_on();
  verdict decide() const;

  std::shared_ptr<chaos::judge> judge_;
  chaos::verification_plan plan_;
  turn at_;
  answer then_;
  clock sound_clock_, peer_clock_;
  std::optional<chaos::judgement> sound_;
  std::optional<chaos::peer_verdict> peer_;
  std::optional<failure> broken_;
  bool busy_ = false;
  std::unique_ptr<chaos::verification> sound_running_;
  std::unique_ptr<chaos::peer_verification> peer_running_;
};

} // namespace remed::agents

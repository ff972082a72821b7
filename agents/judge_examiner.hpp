// The examiner of real experiments: chaos/verifier.hpp driven by the verification role's pauses.
#pragma once

#include "agents/examiner.hpp"
#include "chaos/verifier.hpp"

#include <memory>

namespace remed::agents {

class judge_examiner final : public examiner {
public:
  /// The judge is shared with the injector's `at_incident`, which begins it.
  judge_examiner(std::shared_ptr<chaos::judge> by, chaos::verification_plan plan)
      : judge_(std::move(by)), plan_(plan) {}

  void begin(const outcome& what, answer then) override;
  void look(answer then) override;

private:
  void tell(next what);

  std::shared_ptr<chaos::judge> judge_;
  chaos::verification_plan plan_;
  turn at_;
  answer then_;
  std::unique_ptr<chaos::verification> running_;
};

} // namespace remed::agents

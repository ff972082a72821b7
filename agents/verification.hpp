// Decides whether the remedy worked: lets the system settle, has it examined, reports v_t.
#pragma once

#include "agents/examiner.hpp"
#include "runtime/role.hpp"

#include <memory>

namespace remed::agents {

class verification {
public:
  static constexpr auto name = "verification";
  using eats = outcome;
  using emits = verdict;
  using handle = station<outcome, wake>;

  struct needs {
    station<verdict, infra_failed> next;
    std::shared_ptr<examiner> judge;
  };

  verification(handle::pointer self, needs n) : self_(self), needs_(std::move(n)) {}
  handle::behavior_type behavior();

private:
  /// The judge's answer to question number `question`; an older one is stale.
  examiner::answer expect();
  void take(examiner::next what);

  handle::pointer self_;
  needs needs_;
  outcome examined_;
  std::uint64_t question_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace remed::agents

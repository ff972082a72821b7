// Runs a playbook and tells what became of it.
#pragma once

#include "agents/doors.hpp"
#include "runtime/role.hpp"

namespace remed::agents {

class execution {
public:
  static constexpr auto name = "execution";
  using eats = playbook;
  using emits = outcome;
  using handle = station<playbook, playbook_done>;

  struct needs {
    station<outcome> next;
    station<infra_failed> supervisor;
    doors* outside = nullptr;
  };

  execution(handle::pointer self, needs n) : self_(self), needs_(std::move(n)) {}
  handle::behavior_type behavior();

private:
  handle::pointer self_;
  needs needs_;
  turn at_;
  std::uint64_t awaited_ = 0;
};

/// What an outcome means, in one sentence for people and models.
std::string reason_text(run_reason why);
/// The outcome as an agent may read it: the reason, what each task did, the end of the output.
std::string describe_outcome(const outcome& o, std::size_t output_chars = 4'000);

} // namespace remed::agents

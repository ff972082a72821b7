#include "agents/judge_examiner.hpp"

#include <utility>

namespace remed::agents {

void judge_examiner::begin(const outcome& what, answer then) {
  at_ = what.at;
  then_ = std::move(then);
  running_ = std::make_unique<chaos::verification>(
      *judge_, plan_, [this](duration wait) { tell(pause{wait}); },
      [this](result<chaos::judgement> j) {
        if (j)
          tell(chaos::to_verdict(at_, *j));
        else
          tell(j.why());
      });
  running_->begin();
}

void judge_examiner::look(answer then) {
  then_ = std::move(then);
  if (running_) running_->resume();
}

void judge_examiner::tell(next what) {
  if (auto then = std::exchange(then_, {})) then(std::move(what));
}

} // namespace remed::agents

#include "agents/peer_examiner.hpp"

#include <algorithm>
#include <utility>

namespace remed::agents {

void peer_examiner::begin(const outcome& what, answer then) {
  at_ = what.at;
  then_ = std::move(then);
  sound_.reset();
  peer_.reset();
  broken_.reset();
  sound_clock_ = peer_clock_ = {};
  sound_running_ = std::make_unique<chaos::verification>(
      *judge_, plan_, [this](duration wait) { sound_clock_.due = after(wait), heard(); },
      [this](result<chaos::judgement> j) {
        if (j)
          sound_ = std::move(*j);
        else
          broken_ = j.why();
        heard();
      });
  peer_running_ = std::make_unique<chaos::peer_verification>(
      *judge_, [this](duration wait) { peer_clock_.due = after(wait), heard(); },
      [this](result<chaos::peer_verdict> v) {
        if (v)
          peer_ = std::move(*v);
        else
          broken_ = v.why();
        heard();
      });
  busy_ = true;
  sound_running_->begin();
  peer_running_->begin();
  busy_ = false;
  go_on();
}

void peer_examiner::look(answer then) {
  then_ = std::move(then);
  const auto now = judge_->where().now();
  auto is_due = [&](clock& c) { return c.due && *c.due <= now && (c.due.reset(), true); };
  busy_ = true;
  if (is_due(sound_clock_)) sound_running_->resume();
  if (is_due(peer_clock_)) peer_running_->resume();
  busy_ = false;
  go_on();
}

void peer_examiner::heard() {
  if (!busy_) go_on();
}

void peer_examiner::go_on() {
  auto tell = [this](next what) {
    if (auto then = std::exchange(then_, {})) then(std::move(what));
  };
  if (broken_) return tell(*broken_);
  if (sound_ && peer_) return tell(decide());
  std::optional<vtime> due = sound_clock_.due;
  if (!due || (peer_clock_.due && *peer_clock_.due < *due)) due = peer_clock_.due;
  if (due) tell(pause{*due - judge_->where().now()});
}

verdict peer_examiner::decide() const {
  auto v = chaos::to_verdict(at_, *sound_);
  v.grounds.push_back({sound_evidence, sound_->recovered, std::string(to_string(sound_->status))});
  if (!peer_->applies) return v; // MicroRemed knows no such fault: the sound verdict stands
  v.grounds.push_back({peer_evidence, peer_->recovered, peer_->detail});
  v.recovered = peer_->recovered;
  v.status = peer_->recovered ? outcome_kind::recovered : outcome_kind::not_recovered;
  if (peer_->recovered)
    v.feedback.clear();
  else if (v.feedback.empty())
    v.feedback = "Not repaired: " + peer_->detail + ".";
  return v;
}

} // namespace remed::agents

// One sealed experiment: its own actor system on CAF's deterministic scheduler, its own clock and
// seed, pumped by one thread. No lock, no shared state. Time stands still while anybody has work;
// it jumps when all wait; and while something outside runs (a command, a model) it flows at a set
// multiple of wall time, or not at all in a stepped world.
#pragma once

#include "runtime/event_log.hpp"
#include "runtime/messages.hpp"
#include "runtime/random.hpp"
#include "runtime/role.hpp"
#include "runtime/time.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace remed {

/// What kind of outside work is under way: it decides how fast virtual time flows meanwhile.
enum class outside { tool, model };

struct world_options {
  std::string experiment = "experiment";
  std::uint64_t seed = 0;
  bool stepped = true;       ///< nothing depends on wall time
  double tool_scale = 10;    ///< virtual seconds per wall second while a command runs
  double model_scale = 1;    ///< … while a model thinks
  std::size_t mailbox = 256; ///< messages waiting for one role
  vtime start = stepped_epoch;
};

class world : private tap {
public:
  world(world_options options, event_log log);
  ~world() override;
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  const world_options& options() const { return options_; }
  vtime now() const { return now_; }
  /// Virtual time since the world began.
  duration elapsed() const { return now_ - options_.start; }
  random_source random(std::string_view purpose) const {
    return random_source{options_.seed}.split(purpose);
  }
  event_log& log() { return log_; }
  caf::actor_system& system() { return *system_; }

  /// Starts a role in this world.
  template <class Role>
  typename Role::handle spawn(typename Role::needs needs) {
    auto handle = start_role<Role>(*system_, *this, std::move(needs));
    actors_.push_back(caf::actor_cast<caf::actor>(handle));
    names_[handle.id()] = Role::name;
    return handle;
  }

  /// Sends a message from outside.
  template <class Handle, class Message>
  void tell(const Handle& to, Message message) {
    caf::anon_send(to, std::move(message));
  }

  /// Writes an event with the current cause; returns its seq.
  std::uint64_t note(std::string kind, std::string type, json body, std::string from = "world",
                     std::string to = {});

  /// Outside work of a role: begins now, ends when `finish` is called (or dropped without a word).
  /// While any is open, time does not jump.
  class operation {
  public:
    operation(world& w, outside kind, std::string type, std::string role);
    ~operation();
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    std::uint64_t id() const { return start_seq_; }
    /// Virtual seconds since it began.
    double seconds() const;
    /// Writes the end event (kind `tool.end` or `model.reply`) and delivers the message as its
    /// effect.
    template <class Handle, class Message>
    void finish(const Handle& to, Message message, json about) {
      if (!close(std::move(about))) return;
      // Whoever answers at once does so inside a handler, whose own messages have its cause.
      const auto before = std::exchange(world_->cause_, end_seq_);
      world_->tell(to, std::move(message));
      world_->cause_ = before;
    }
    /// Keeps what runs alive as long as the operation; dropped when it ends.
    void hold(std::shared_ptr<void> running) { running_ = std::move(running); }

  private:
    friend class world;
    bool close(json about);
    world* world_;
    outside kind_;
    std::string type_, role_;
    vtime began_;
    std::uint64_t start_seq_ = 0, end_seq_ = 0;
    bool open_ = true;
    std::shared_ptr<void> running_;
  };

  /// Begins outside work and writes its start event (kind `tool.start` or `model.request`).
  std::shared_ptr<operation> begin(outside kind, std::string type, std::string role, json about);

  /// Outside work that only waits for a free process slot pauses, and time does not flow for it.
  void pause_flow(bool paused);

  // -- the environment's part
  /// Follows the clock: called with each new time before timers of that time fire.
  void on_advance(std::function<void(vtime)> follow) { follow_ = std::move(follow); }
  /// When the environment has something to do next; the clock stops there on its way.
  void on_next(std::function<std::optional<vtime>()> next) { next_ = std::move(next); }

  // -- the loop's part
  /// Handles all that can be handled and lets time pass as far as it may. Returns true when it did
  /// something, false when it can only wait for the outside.
  bool step();
  /// Called whenever there is something to handle: after it `step` has work to do. Between two
  /// calls nobody has to look at a world for which `step` said false, but as `patience` says.
  void on_ready(std::function<void()> callback) { ready_ = std::move(callback); }
  /// For how long a world that can only wait may be left alone. Wall time.
  std::chrono::milliseconds patience() const;
  /// Lets time pass to `until` although outside work is open, and fires what is due on the way: for
  /// a replay, where the recording says how long that work took. True when something was done.
  bool pass_until(vtime until);
  /// Ends all roles; called when the result is known.
  void end();
  bool ended() const { return ended_; }
  std::size_t outside_work() const { return operations_.size(); }

  // -- for the supervisor and tests
  void set_trial(std::uint32_t t) { trial_ = t; }
  std::uint32_t trial() const { return trial_; }
  turn here() const { return {options_.experiment, trial_}; }
  /// Role that last took a message of the ring: who is to blame for silence.
  const std::string& token_holder() const { return holder_; }
  void on_role_failed(std::function<void(const role_failed&)> callback) {
    role_failed_ = std::move(callback);
  }
  /// Tests lose messages with this: return false to lose the n-th (from 1), about to reach `role`.
  void on_begin(std::function<bool(std::uint64_t n, std::string_view role)> filter) {
    filter_ = std::move(filter);
  }
  /// Wall seconds since the world began; virtual in a stepped world.
  double wall() const;

private:
  bool sent(const caf::mailbox_element& message, const char* role) override;
  bool begins(const caf::mailbox_element& message, const char* role) override;
  void ends(const char* role) override;
  void failed(const char* role, const std::string& what) override;

  bool run_actors();
  void set_time(vtime t);
  std::optional<vtime> next_timer() const;
  std::optional<vtime> next_due() const;
  bool all_paused() const { return paused_ >= static_cast<int>(operations_.size()); }
  void say_ready() const {
    if (ready_) ready_();
  }
  bool flow();
  std::string name_of(const caf::strong_actor_ptr& who) const;

  world_options options_;
  event_log log_;
  vtime now_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  caf::actor_clock::time_point clock_start_;
  std::vector<caf::actor> actors_;
  std::map<caf::actor_id, std::string> names_;

  std::unordered_map<const void*, std::uint64_t> causes_; ///< of messages in mailboxes
  std::unordered_map<std::string, std::size_t> waiting_;  ///< messages per role
  std::uint64_t cause_ = 0;
  std::uint64_t handled_ = 0;
  std::uint32_t trial_ = 0;
  std::string holder_;
  bool ended_ = false;

  std::map<std::uint64_t, operation*> operations_;
  int paused_ = 0;
  std::chrono::steady_clock::time_point wall_start_, last_flow_;

  std::function<void(vtime)> follow_;
  std::function<std::optional<vtime>()> next_;
  std::function<void()> ready_;
  std::function<void(const role_failed&)> role_failed_;
  std::function<bool(std::uint64_t, std::string_view)> filter_;
};

} // namespace remed

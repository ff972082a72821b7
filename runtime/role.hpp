// Runs a role, an ordinary class, as a CAF actor. A role is
//
//   struct needs {...};                     what it is given: handles, doors, settings
//   using handle = station<message…>;       what it eats
//   static constexpr auto name = "critic";
//   critic(handle::pointer self, needs n);
//   handle::behavior_type behavior();
//
// Tracing, causality, mailbox bounds and crashes are this shell's and the tap's work.
#pragma once

#include "runtime/tap.hpp"

#include <caf/exit_reason.hpp>
#include <caf/invoke_message_result.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace remed {

/// A handle of something that eats these messages and answers none of them directly.
template <class... Messages>
using station = caf::typed_actor<caf::reacts_to<Messages>...>;

template <class Role>
class role_actor final : public Role::handle::base {
  using base = typename Role::handle::base;

public:
  role_actor(caf::actor_config& config, tap* watch, typename Role::needs needs)
      : base(config), watch_(watch), needs_(std::move(needs)) {}

  const char* name() const override { return Role::name; }

  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override {
    if (watch_->sent(*message, Role::name)) base::enqueue(std::move(message), unit);
  }

  typename Role::handle::behavior_type make_behavior() override {
    role_.emplace(this, std::move(*needs_));
    needs_.reset();
    return role_->behavior();
  }

  caf::invoke_message_result consume(caf::mailbox_element& message) override {
    auto handled = caf::invoke_message_result::consumed;
    try {
      if (!watch_->begins(message, Role::name)) return handled;
      handled = base::consume(message);
    } catch (const std::exception& e) {
      watch_->failed(Role::name, e.what());
    } catch (...) {
      watch_->failed(Role::name, "unknown exception");
    }
    watch_->ends(Role::name);
    return handled;
  }

  /// Members live until the last handle dies otherwise: a ring of handles would never be freed.
  void on_exit() override {
    role_.reset();
    needs_.reset();
  }

private:
  tap* watch_;
  std::optional<typename Role::needs> needs_;
  std::optional<Role> role_;
};

/// Starts a role in a system under a tap that outlives it.
template <class Role>
typename Role::handle start_role(caf::actor_system& system, tap& watch,
                                 typename Role::needs needs) {
  return system.spawn<role_actor<Role>>(&watch, std::move(needs));
}

} // namespace remed

// The door to a model, shared by all kinds of doors: checks the budget before each call, books what
// was used, logs request and reply, and turns every failure into a reply that says so.
#pragma once

#include "agents/doors.hpp"
#include "runtime/world.hpp"

#include <map>

namespace remed::agents {

class model_door {
public:
  /// All outlive the door.
  model_door(world& w, tools::model& m, budget& b) : world_(&w), model_(&m), budget_(&b) {}

  /// As doors::ask_model.
  std::uint64_t ask(const turn& at, tools::model_request request, station<model_reply> to);

private:
  json describe(const tools::model_request& request);
  void finish(std::uint64_t id, model_reply reply, const station<model_reply>& to);

  world* world_;
  tools::model* model_;
  budget* budget_;
  std::size_t logged_ = 0; ///< messages of the conversation that the log has already
  std::map<std::uint64_t, std::shared_ptr<world::operation>> open_;
};

/// A reply of the model's wire as the message of the protocol.
model_reply to_message(const turn& at, tools::model_reply reply);
/// How a role should take a failed call: infra, budget, refused or garbage.
std::string problem_kind(errc code);

} // namespace remed::agents

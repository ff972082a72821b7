// Carries out a remedy of chaos/remedies as the agents would: by their identity, through the API.
#pragma once

#include "agents/inprocess/api_client.hpp"
#include "chaos/facts.hpp"
#include "chaos/remedy.hpp"

#include <functional>
#include <string>
#include <vector>

namespace remed::experiments {

/// Where a remedy is carried out.
struct operating_room {
  agents::api_client api; ///< with the agents' token
  chaos::setting about;
  std::vector<std::string> objects; ///< what the fault made: "table/namespace/name"
  std::function<void(duration)> let_pass;
};

/// Empty when every step was done; else the first refusal, "404 services \"x\" not found".
std::string carry_out(const chaos::remedy& what, const operating_room& where);

} // namespace remed::experiments

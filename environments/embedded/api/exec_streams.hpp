// What carries the streams of exec and attach: a WebSocket with numbered channels, or SPDY streams.
#pragma once

#include "environments/embedded/api/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace remed::env {

/// What a client asked for.
struct exec_plan {
  exec_request request;
  bool out = false, err = false; ///< which streams it wants
  /// Called once the streams stand: runs the command.
  std::function<void(std::shared_ptr<exec_session>)> start;
};

/// kubectl (v5, v4), python (v4), browsers (base64). `protocol`: one of exec_status.hpp.
tools::http_reply exec_over_websocket(exec_plan plan, const std::string& protocol);
/// kubectl up to 1.29, v4 only.
tools::http_reply exec_over_spdy(exec_plan plan);

/// Lets the command and its client wait for each other by what the socket holds.
void pace(const std::shared_ptr<exec_session>& session,
          const std::shared_ptr<tools::websocket>& socket);

/// The first of the client's WebSocket subprotocols that is among `ours`; empty when it names none,
/// "unknown" when it names only others.
std::string chosen_subprotocol(const tools::http_request& request,
                               const std::vector<std::string>& ours);
/// The client wants to leave HTTP for SPDY/3.1.
bool wants_spdy(const tools::http_request& request);
/// The client's stream protocols (X-Stream-Protocol-Version, which may repeat) contain this one.
bool offers_stream_protocol(const tools::http_request& request, std::string_view protocol);

} // namespace remed::env

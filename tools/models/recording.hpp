// Recordings of model calls: made once with a real model, replayed without a socket.
// A recording is JSON Lines: a header line, then one line per exchange with the key, the canonical
// request and the reply.
#pragma once

#include "runtime/json_value.hpp"
#include "tools/model.hpp"

#include <filesystem>

namespace remed::tools {

/// The request without what changes from run to run although it means the same: tool call ids are
/// replaced by their position.
json canonical_request(const model_request& request);
/// SHA-256 (hex) of the canonical request.
std::string request_key(const model_request& request);

/// Answers from the recording; a request it does not hold is `errc::failed` and names the first
/// message that differs from the nearest one. Equal requests are answered in the recorded order.
result<std::unique_ptr<model>> open_recording(io_loop& loop, const std::filesystem::path& file);

/// Passes calls on to `inner` and writes each finished exchange to `file`, which is begun anew.
result<std::unique_ptr<model>> record_model(std::unique_ptr<model> inner,
                                            const std::filesystem::path& file);

} // namespace remed::tools

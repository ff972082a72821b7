// Chat Completions requests: building the body, and giving up what a server does not understand.
#pragma once

#include "tools/models/openai.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace remed::tools {

/// The request body as JSON text; bytes that are no UTF-8 are replaced.
std::string openai_request_body(const model_request& request, const openai_options& options);

/// What the server says is wrong, from whichever of the usual error shapes.
struct openai_error {
  std::string message, type, code, param;
};
openai_error parse_openai_error(const std::string& body);
openai_error read_openai_error(const nlohmann::json& document);

/// Gives up, in `dialect`, the parameter of a request sent in dialect `sent` that the error
/// complains about. False: there is nothing to give up.
bool step_down(openai_dialect& dialect, const openai_dialect& sent, const openai_error& error,
               const model_request& request);

/// Whether waiting cannot help: money or a daily quota is used up.
bool is_out_of_quota(const openai_error& error);

} // namespace remed::tools

#include "environments/embedded/api/clock.hpp"

#include <algorithm>

namespace remed::env {

namespace {

/// A year: more would only be a mistake.
constexpr double longest_step_s = 366.0 * 24 * 3600;

tools::http_response reading(const cluster& c, const tools::http_request& request) {
  auto out = json::object();
  out["now"] = rfc3339_micro(c.now());
  auto next = c.next_event();
  out["nextEvent"] = next ? json(rfc3339_micro(*next)) : json();
  return json_response(request, 200, out);
}

} // namespace

tools::http_response answer_clock(api_server::state& s, const identity& who,
                                  const tools::http_request& request) {
  const auto& groups = who.groups;
  if (std::find(groups.begin(), groups.end(), "system:masters") == groups.end()) {
    return error_response(
        request, {404, "NotFound", "the server could not find the requested resource", nullptr});
  }
  if (request.method == "GET") return reading(s.c, request);
  if (request.method != "POST") return error_response(request, errors::method_not_allowed());
  auto body = json::parse(request.body, nullptr, false);
  auto step = body.is_object() ? body.value("advanceSeconds", json()) : json();
  if (!step.is_number() || step.get<double>() < 0 || step.get<double>() > longest_step_s) {
    return error_response(
        request, errors::bad_request("advanceSeconds must be a number between 0 and 31622400"));
  }
  s.c.advance_to(s.c.now() + from_seconds(step.get<double>()));
  return reading(s.c, request);
}

} // namespace remed::env

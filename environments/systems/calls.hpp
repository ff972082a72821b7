// All that a service may call: with each request, or on one of its routes.
#pragma once

#include "environments/systems/system.hpp"

namespace remed::env {

/// Hands every call of the service to `f`, those of each request first; ends when `f` returns true.
template <class F>
void each_call(const service_profile& profile, F&& f) {
  for (const auto& call : profile.calls) {
    if (f(call)) return;
  }
  for (const auto& route : profile.routes) {
    for (const auto& call : route.calls) {
      if (f(call)) return;
    }
  }
}

} // namespace remed::env

// Lifecycle hooks: what a handler of a container does, and how long it takes.
#pragma once

#include "environments/embedded/cluster.hpp"
#include "environments/embedded/node/images.hpp"
#include "runtime/time.hpp"

namespace remed::env {

struct hook_outcome {
  bool ok = true;
  duration takes{};
};

/// `handler` is a postStart or preStop: exec, httpGet, tcpSocket or sleep. What never ends by
/// itself takes a day.
hook_outcome run_hook(const cluster& c, const json& pod, const std::string& container,
                      const json& handler, const image_catalogue& images, const std::string& image);

} // namespace remed::env
